-- From identifiers to a customer: its nodes, and what their summaries are. All ask for many at once.

-- name: customers_of_nodes
select node, customer from node where node = any($2::uuid[]) and tenant = $1;

-- name: customers_of_numbers
-- A number of an erased identifier leads on to one of its customer that lives.
select number, customer from node where number = any($2::bigint[]) and tenant = $1
union all
select led.number, node.customer from leads_on as led join node on node.number = led.onward and node.tenant = $1
where led.number = any($2::bigint[]) and led.tenant = $1;

-- name: nodes_of
-- The nodes of these customers that any record mentions, oldest first.
select node.customer, node.node, node.number, node.kind, node.value, node.scope,
       identity.spelling, identity.verified, identity.first_at, identity.created_at,
       identity.at, identity.rank, identity.record_id, identity.record
from node join summary_identity as identity using (node)
where node.customer = any($1::bigint[])
order by node.customer, node.number;

-- name: calls
select node, calls, durations, duration_sum, duration_max, rounds, round_sum, round_max,
       at, rank, record_id, record, spelling, city
from summary_call where node = any($1::uuid[]);

-- name: call_refs
-- Which calls: newest first, then by label; of a node the newest 10,000.
select asked.node, call.label, call.at
from unnest($1::uuid[]) as asked (node)
cross join lateral (
    select enterprise || '-' || record_id collate "C" as label, at from fact
    where fact.node = asked.node and kind = 'call' and current
    order by at desc, label limit 10000) as call;

-- name: marks
select node, type, name, checked, added, deleted, second, label, at from summary_mark where node = any($1::uuid[]);

-- name: traits
select node, name, at, rank, record_id, record, value from summary_trait where node = any($1::uuid[]);

-- name: origins
select node, at, rank, record_id, record, value from summary_origin where node = any($1::uuid[]);

-- name: activity
select node, side, day, type, account, count, newest_at from summary_activity where node = any($1::uuid[]);

-- name: follows_and_records
-- Follows and CRM records are few on a node, and are served one by one: their summary is their set.
select node, kind, at, rank, record_id, record, source, enterprise, said from fact
where node = any($1::uuid[]) and current and kind in ('subscription', 'record');

-- name: count_numbers
-- How many customer numbers have calls, and carry all the labels asked for. Of a number that changed hands, its
-- holder of now is the row: the calls of former holders ($4) are rows no longer.
select count(*) as total from summary_call as call
where tenant = $1 and ($2::uuid[] is null or node = any($2::uuid[]))
  and node <> all($4::uuid[])
  and not exists (
    select from unnest($3::text[]) as wanted (label)
    where not exists (
        select from summary_mark as mark
        where mark.node = call.node and not mark.deleted
          and (mark.name = wanted.label or mark.type || '/' || mark.name = wanted.label)));

-- name: page_numbers
-- A page of them, by descending spelling.
select node as row, array[node] as nodes, spelling from summary_call as call
where tenant = $1 and ($2::uuid[] is null or node = any($2::uuid[]))
  and node <> all($6::uuid[])
  and not exists (
    select from unnest($3::text[]) as wanted (label)
    where not exists (
        select from summary_mark as mark
        where mark.node = call.node and not mark.deleted
          and (mark.name = wanted.label or mark.type || '/' || mark.name = wanted.label)))
order by spelling desc, node
limit $4 offset $5;

-- name: count_callers
-- The same by customer: the calls of all its numbers are one row.
select count(*) as total
from (select node.customer, array_agg(call.node) as nodes
      from summary_call as call join node using (node)
      where call.tenant = $1
      group by node.customer
      having bool_or(call.node <> all($4::uuid[]))) as caller
where ($2::uuid[] is null or customer in (select customer from node where node = any($2::uuid[])))
  and not exists (
    select from unnest($3::text[]) as wanted (label)
    where not exists (
        select from summary_mark as mark
        where mark.node = any(caller.nodes) and not mark.deleted
          and (mark.name = wanted.label or mark.type || '/' || mark.name = wanted.label)));

-- name: page_callers
-- A page of customers, each under its most recently called number that it still holds, by descending spelling.
select nodes[1] as row, nodes, spellings[1] as spelling
from (select node.customer,
             array_agg(call.node order by call.node = any($6::uuid[]), at desc, rank desc, record_id desc,
                                          record desc) as nodes,
             array_agg(call.spelling order by call.node = any($6::uuid[]), at desc, rank desc, record_id desc,
                                              record desc) as spellings
      from summary_call as call join node using (node)
      where call.tenant = $1
      group by node.customer
      having bool_or(call.node <> all($6::uuid[]))) as caller
where ($2::uuid[] is null or customer in (select customer from node where node = any($2::uuid[])))
  and not exists (
    select from unnest($3::text[]) as wanted (label)
    where not exists (
        select from summary_mark as mark
        where mark.node = any(caller.nodes) and not mark.deleted
          and (mark.name = wanted.label or mark.type || '/' || mark.name = wanted.label)))
order by spellings[1] desc, nodes[1]
limit $4 offset $5;

-- name: custom_fields
select id, owner, sort, updated_at, details from custom_field
where tenant = $1 and owner = any($2::text[]) order by sort, id;
