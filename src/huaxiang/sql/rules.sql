-- The rules of the quality check, which of them are in force for which call, and calls on their way through them.

-- name: put_ruleset
-- A version is kept once, as it was first written.
insert into ruleset (tenant, version, author, document, text) values ($1, $2, $3, $4, $5)
on conflict (tenant, version) do nothing;

-- name: ruleset
select version, came_at, author, document, text from ruleset where tenant = $1 and version = $2;

-- name: rulesets
-- All versions, newest first.
select version, came_at, author, json_array_length(document -> 'rules') as rules from ruleset
where tenant = $1 order by came_at desc, version;

-- name: rules_in_force
select version, before, upto_node, upto_record, author, begun_at, finished_at from rules_in_force where tenant = $1;

-- name: begin_rules
-- A version begins to take over, from the first call on.
insert into rules_in_force (tenant, version, before, upto_node, upto_record, author, begun_at)
values ($1, $2, null, $3, $3, $4, now())
on conflict (tenant) do update
    set before = rules_in_force.version, version = excluded.version, upto_node = excluded.upto_node,
        upto_record = excluded.upto_record, author = excluded.author, begun_at = now(), finished_at = null;

-- name: note_applied
insert into rules_applied (tenant, number, version, author) values ($1, nextval('rules_applied_number'), $2, $3);

-- name: rules_history
select number, at, version, author from rules_applied where tenant = $1 order by number desc limit $2;

-- name: move_rules
-- It has taken over up to a place.
update rules_in_force set upto_node = $2, upto_record = $3 where tenant = $1;

-- name: finish_rules
update rules_in_force set before = null, upto_node = null, upto_record = null, finished_at = now() where tenant = $1;

-- name: calls_behind
-- The calls behind a place, in the order of places.
select node, record from fact
where (node, record) > ($2, $3) and tenant = $1 and kind = 'call' and current
order by node, record limit $4;

-- name: calls_of_tenant
-- All its calls: where a rule may find something in a call on which nothing was said.
select record as node from fact where tenant = $1 and kind = 'call' and current;

-- name: count_calls_of_tenant
select count(*) as calls from fact where tenant = $1 and kind = 'call' and current;

-- name: waiting
-- What waits on calls' own nodes: their transcripts and marks.
select node, record, record_id, rank, at, said from fact
where node = any($1::uuid[]) and current and kind in ('transcript', 'mark');

-- name: calls_awaited
-- The calls for which something waits, come or not.
select distinct node from fact where tenant = $1 and current and kind in ('transcript', 'mark');

-- name: call_places
-- On which nodes the calls hang, where they have come.
select key, nodes[1] as node from record where key = any($1::uuid[]);

-- name: call_facts
-- Calls, and what they have gathered; what they say, where rules ask for it.
select fact.node, fact.record, fact.at, fact.enterprise, fact.record_id, fact.gathered, case when $3 then fact.said end as said
from fact join unnest($1::uuid[], $2::uuid[]) as wanted (node, record)
     on fact.node = wanted.node and fact.record = wanted.record
where fact.kind = 'call' and fact.current;

-- name: put_gathered
update fact set gathered = nullif(new.gathered::jsonb, 'null')
from unnest($1::uuid[], $2::uuid[], $3::text[]) as new (node, record, gathered)
where fact.node = new.node and fact.record = new.record and fact.kind = 'call' and fact.current;
