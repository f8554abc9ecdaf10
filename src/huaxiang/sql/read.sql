-- From identifiers to a customer: its nodes, and what their summaries are. All ask for many at once.

-- name: look_up
-- All that many callers ask for, in one snapshot. Of each tenant ($1) its version, its newest change, and the changes
-- after a number ($2; none after null), at most so many ($3). Of nodes ($5), numbers ($7) and ids of customers ($8),
-- the whole customers: each node that a record mentions, and the named parts ($9) of its summary, a row each. A node or
-- a number is found for its own tenant ($4, $6) alone; the number of an erased identifier leads on.
--   part 0: customer the tenant, number its version, counts its newest change   1: number, customer, counts the other
--   2: an asked node or number (rank: of which tenant) and its customer   3: identity   4: calls   5: mark   6: trait
--   7: origin   8: bucket (rank: its day, counted from 2000)   9: follow, CRM record or step   10: call
with found as materialized (
    select asked.tenant, asked.node, null::bigint as number, node.customer
    from unnest($4::integer[], $5::uuid[]) as asked (tenant, node)
    join node on node.node = asked.node and node.tenant = asked.tenant
    union all
    select asked.tenant, null, asked.number, node.customer
    from unnest($6::integer[], $7::bigint[]) as asked (tenant, number)
    join node on node.number = asked.number and node.tenant = asked.tenant
    union all
    select asked.tenant, null, asked.number, node.customer
    from unnest($6::integer[], $7::bigint[]) as asked (tenant, number)
    join leads_on as led on led.number = asked.number and led.tenant = asked.tenant
    join node on node.number = led.onward and node.tenant = asked.tenant
    union all
    select null, null, null, unnest($8::bigint[])),
member as materialized (
    select node.customer, node.node, node.number, node.kind, node.value, node.scope
    from (select distinct customer from found) as asked join node on node.customer = asked.customer)
select 0 as part, null::uuid as node, asked.tenant::bigint as customer,
       coalesce(sum(version.number), 0)::bigint as number, null as kind, null as name, null as scope, null as spelling,
       null::timestamptz as at, null::integer as rank, null as record_id, null::uuid as record,
       null::boolean as verified, null::timestamptz as first_at, null::timestamptz as created_at,
       array[(select max(change.number) from change where change.tenant = asked.tenant)] as counts,
       null::jsonb as value, null::json as said
from unnest($1::integer[]) as asked (tenant) left join version on version.tenant = asked.tenant
group by asked.tenant
union all
select 1, null, changed.customer, changed.number, null, null, null, null, null, asked.tenant, null, null, null, null,
       null, array[changed.other], null, null
from unnest($1::integer[], $2::bigint[]) as asked (tenant, after)
cross join lateral (
    select number, customer, other from change
    where change.tenant = asked.tenant and change.number > asked.after order by change.number limit $3) as changed
union all
select 2, node, customer, number, null, null, null, null, null, tenant, null, null, null, null, null, null, null, null
from found
union all
select 3, member.node, member.customer, member.number, member.kind, member.value, member.scope, identity.spelling,
       identity.at, identity.rank, identity.record_id, identity.record, identity.verified, identity.first_at,
       identity.created_at, null, null, null
from member join summary_identity as identity on identity.node = member.node
union all
select 4, member.node, null, null, call.city, null, null, call.spelling, call.at, call.rank, call.record_id,
       call.record, null, null, null,
       array[call.calls, call.durations, call.duration_sum, call.duration_max, call.rounds, call.round_sum,
             call.round_max],
       null, null
from member join summary_call as call on call.node = member.node where 'calls' = any($9::text[])
union all
select 5, member.node, null, null, mark.type, mark.name, null, null, mark.at, null, mark.label, null, null, null, null,
       array[mark.checked::integer, mark.added::integer, mark.deleted::integer, mark.second], null, null
from member join summary_mark as mark on mark.node = member.node where 'marks' = any($9::text[])
union all
select 6, member.node, null, null, null, trait.name, null, null, trait.at, trait.rank, trait.record_id, trait.record,
       null, null, null, null, trait.value, null
from member join summary_trait as trait on trait.node = member.node where 'traits' = any($9::text[])
union all
select 7, member.node, null, null, null, null, null, null, origin.at, origin.rank, origin.record_id, origin.record,
       null, null, null, null, origin.value, null
from member join summary_origin as origin on origin.node = member.node where 'origin' = any($9::text[])
union all
select 8, member.node, null, bucket.count, bucket.side, bucket.type, bucket.account, null, bucket.newest_at,
       bucket.day - date '2000-01-01', null, null, null, null, null, null, null, null
from member join summary_activity as bucket on bucket.node = member.node where 'buckets' = any($9::text[])
union all
select 9, member.node, null, null, fact.kind, fact.source, fact.enterprise, null, fact.at, fact.rank, fact.record_id,
       fact.record, null, null, null, null, null, fact.said
from member join fact on fact.node = member.node
where fact.current and fact.kind in ('subscription', 'record', 'step') and fact.kind = any($9::text[])
union all
select 10, member.node, null, null, null, call.label, null, null, call.at, null, null, null, null, null, null, null,
       null, null
from member
cross join lateral (
    select enterprise || '-' || record_id collate "C" as label, at from fact
    where fact.node = member.node and kind = 'call' and current
    order by at desc, label limit 10000) as call
where 'refs' = any($9::text[]);

-- name: watch
-- The same of tenants alone ($1): their versions, their newest changes, and the changes after a number ($2), at most so
-- many ($3).
select asked.tenant,
       coalesce((select sum(number) from version where version.tenant = asked.tenant), 0)::bigint as version,
       (select max(number) from change where change.tenant = asked.tenant) as newest,
       changed.numbers, changed.customers, changed.others
from unnest($1::integer[], $2::bigint[]) as asked (tenant, after)
cross join lateral (
    select array_agg(number order by number) as numbers, array_agg(customer order by number) as customers,
           array_agg(other order by number) as others
    from (select number, customer, other from change
          where change.tenant = asked.tenant and change.number > asked.after order by change.number limit $3) as change
    ) as changed;

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

-- name: customers_of_numbers
-- A number of an erased identifier leads on to one of its customer that lives.
select number, customer from node where number = any($2::bigint[]) and tenant = $1
union all
select led.number, node.customer from leads_on as led join node on node.number = led.onward and node.tenant = $1
where led.number = any($2::bigint[]) and led.tenant = $1;

-- name: traits
select node, name, at, rank, record_id, record, value from summary_trait where node = any($1::uuid[]);

-- name: activity
select node, side, day, type, account, count, newest_at from summary_activity where node = any($1::uuid[]);
