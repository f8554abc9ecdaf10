-- Calls by themselves, one by one or by time: each as it was said, and what was said of it on its own node.

-- name: calls_registered
-- On which nodes these calls hang, where they have come.
select key, nodes[1] as node from record where key = any($1::uuid[]);

-- name: calls_at
-- These calls as they stand.
select fact.node, fact.record, fact.enterprise, fact.record_id, fact.at, fact.said, fact.gathered
from fact join unnest($1::uuid[], $2::uuid[]) as wanted (node, record)
     on fact.node = wanted.node and fact.record = wanted.record
where fact.kind = 'call' and fact.current;

-- name: said_of_calls
-- What waits on calls' own nodes: transcripts, marks, amendments.
select node, record, record_id, rank, at, said from fact
where node = any($1::uuid[]) and current and kind in ('transcript', 'mark', 'amendment');

-- name: count_calls
-- How many calls of a source a span of time holds: of one enterprise ($5), of these names ($6), whose details hold
-- all of $7, where these are given.
select count(*) as total from fact
where tenant = $1 and kind = 'call' and current and at >= $3 and at < $4 and source = $2
  and ($5::text is null or enterprise = $5) and ($6::text[] is null or record_id = any($6::text[]))
  and ($7::jsonb is null or (said -> 'details')::jsonb @> $7::jsonb);

-- name: page_calls
-- A page of them, oldest first, after a place ($8 to $10); the same conditions.
select node, record, enterprise, record_id, at, said, gathered from fact
where tenant = $1 and kind = 'call' and current and at >= $3 and at < $4 and source = $2
  and ($5::text is null or enterprise = $5) and ($6::text[] is null or record_id = any($6::text[]))
  and ($7::jsonb is null or (said -> 'details')::jsonb @> $7::jsonb)
  and (at, record_id, enterprise collate "C") > ($8, $9, $10)
order by at, record_id, enterprise collate "C"
limit $11 offset $12;
