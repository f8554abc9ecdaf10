-- From identifiers to a customer: its nodes, and what their summaries are. All ask for many at once.

-- name: look_up
-- All that many callers ask for, in one snapshot. Of each tenant ($1) its version, its newest change, and the feed's rows
-- after a number ($2; none after null), at most so many ($3). Of nodes ($5), numbers ($7) and ids of customers ($8),
-- the whole customers: each node that a record mentions, and the named parts ($9) of its summary. A node or a number is
-- found for its own tenant ($4, $6) alone; the number of an erased identifier leads on. Of traits, `values` are the
-- newest values of those that are named ($10); the empty name stands for what is said of identifiers themselves.
-- A row is a part of a customer as JSON, which costs far less than many columns do where they are read.
--   part 0: of a tenant (customer): [version, newest change]      1: of a tenant: [number, customer, other, customers] each
--   2: of all: [tenant, node, number, customer] of what was asked for     3: identities      4: calls       5: marks
--   6: traits       7: origins      8: buckets, their days counted from 2000      9: follows, CRM records, steps
--   10: names of calls      11: values by their names      12: what is said of identifiers: [node, value]
--   13: sub-enterprises
-- The name of a trait is made an expression, so that a node's traits are looked through, and not sought name by name.
-- What belongs to nodes is looked for node by node (`offset 0` keeps it so): a join would be planned the other way round
-- where a table is small, or holds little of a kind, and that plan is kept while the table grows.
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
    select node.customer, node.node, node.number, node.kind, node.value, node.scope, identity.spelling,
           identity.verified, identity.first_at, identity.created_at, identity.at, identity.rank, identity.record_id,
           identity.record
    from (select distinct customer from found) as asked
    cross join lateral (select * from node where node.customer = asked.customer offset 0) as node
    cross join lateral (select * from summary_identity as of_node where of_node.node = node.node offset 0) as identity),
told as materialized (
    select member.customer, trait.node, trait.name, trait.at, trait.rank, trait.record_id, trait.record, trait.value
    from member
    cross join lateral (select * from summary_trait as of_node where of_node.node = member.node offset 0) as trait
    where 'traits' = any($9::text[]) or ('values' = any($9::text[]) and trait.name || '' = any($10::text[])))
select 0 as part, asked.tenant::bigint as customer,
       json_build_array(coalesce(sum(version.number), 0)::bigint,
                        (select max(change.number) from change where change.tenant = asked.tenant)) as body
from unnest($1::integer[]) as asked (tenant) left join version on version.tenant = asked.tenant
group by asked.tenant
union all
select 1, asked.tenant,
       json_agg(json_build_array(changed.number, changed.customer, changed.other, changed.customers)
                order by changed.number)
from unnest($1::integer[], $2::bigint[]) as asked (tenant, after)
cross join lateral (
    select number, customer, other, customers from change
    where change.tenant = asked.tenant and change.number > asked.after order by change.number limit $3) as changed
group by asked.tenant
union all
select 2, null, json_agg(json_build_array(tenant, node, number, customer)) from found where tenant is not null
union all
select 3, customer,
       json_agg(json_build_array(node, kind, value, scope, number, spelling, verified, first_at, created_at,
                                 at, rank, record_id, record))
from member group by customer
union all
select 4, member.customer,
       json_agg(json_build_array(call.calls, call.durations, call.duration_sum, call.duration_max, call.rounds,
                                 call.round_sum, call.round_max, call.spelling, call.city,
                                 call.at, call.rank, call.record_id, call.record))
from member
cross join lateral (select * from summary_call as of_node where of_node.node = member.node offset 0) as call
where 'calls' = any($9::text[]) group by member.customer
union all
select 5, member.customer,
       json_agg(json_build_array(mark.type, mark.name, mark.checked, mark.added, mark.deleted, mark.second,
                                 mark.label, mark.at))
from member
cross join lateral (select * from summary_mark as of_node where of_node.node = member.node offset 0) as mark
where 'marks' = any($9::text[]) group by member.customer
union all
select 6, customer, json_agg(json_build_array(name, value, at, rank, record_id, record))
from told where name <> '' and 'traits' = any($9::text[]) group by customer
union all
select 7, member.customer,
       json_agg(json_build_array(origin.value, origin.at, origin.rank, origin.record_id, origin.record))
from member
cross join lateral (select * from summary_origin as of_node where of_node.node = member.node offset 0) as origin
where 'origin' = any($9::text[]) group by member.customer
union all
select 8, member.customer,
       json_agg(json_build_array(bucket.side, bucket.day - date '2000-01-01', bucket.type, bucket.account,
                                 bucket.count, bucket.newest_at))
from member
cross join lateral (select * from summary_activity as of_node where of_node.node = member.node offset 0) as bucket
where 'buckets' = any($9::text[]) group by member.customer
union all
select 9, member.customer,
       json_agg(json_build_array(fact.source, fact.enterprise, fact.said,
                                 fact.at, fact.rank, fact.record_id, fact.record))
from member
cross join lateral (
    select * from fact as of_node
    where of_node.node = member.node and current and kind in ('subscription', 'record', 'step') offset 0) as fact
where fact.kind = any($9::text[])
group by member.customer
union all
select 10, member.customer, json_agg(json_build_array(call.label, call.at))
from member
cross join lateral (
    select enterprise || '-' || record_id collate "C" as label, at from fact
    where fact.node = member.node and kind = 'call' and current
    order by at desc, label limit 10000) as call
where 'refs' = any($9::text[]) group by member.customer
union all
select 11, newest.customer, json_object_agg(newest.name, newest.value)
from (select distinct on (customer, name) customer, name, value from told
      where name <> '' and 'values' = any($9::text[])
      order by customer, name, at desc, rank desc, record_id desc, record desc) as newest
group by newest.customer
union all
select 12, customer, json_agg(json_build_array(node, value)) from told where name = '' group by customer
union all
select 13, member.customer, json_agg(distinct company.company)
from member
cross join lateral (select * from summary_company as of_node where of_node.node = member.node offset 0) as company
where 'companies' = any($9::text[]) group by member.customer;

-- name: watch
-- The same of a tenant ($1) alone: its version, and the feed's rows after a number ($2), at most so many ($3), each as it
-- is. It is asked all the time, so that each step of its plan counts.
select coalesce(sum(number), 0)::bigint as version, null::bigint as number, null::bigint as customer,
       null::bigint as other, null::bigint[] as customers, null::timestamptz[] as viewed
from version where tenant = $1
union all
(select null, number, customer, other, customers, null from change
 where change.tenant = $1 and change.number > $2 order by change.number limit $3);

-- name: watch_views
-- The same, and when each of these records ($4) was viewed. One look for each: a join would be planned the other way
-- round as long as there is no view yet, and the plan is kept.
select coalesce(sum(number), 0)::bigint as version, null::bigint as number, null::bigint as customer,
       null::bigint as other, null::bigint[] as customers, null::timestamptz[] as viewed
from version where tenant = $1
union all
(select null, number, customer, other, customers, null from change
 where change.tenant = $1 and change.number > $2 order by change.number limit $3)
union all
select null, null, null, null, null,
       array(select (select viewed_at from view where view.tenant = $1 and view.id = asked.id)
             from unnest($4::uuid[]) as asked (id));

-- name: watch_many
-- The same of many tenants ($1), with the newest change, where no number is given; and when these records ($5) of
-- tenants ($4) were viewed, by their places in the list.
select asked.tenant,
       coalesce((select sum(number) from version where version.tenant = asked.tenant), 0)::bigint as version,
       case when asked.after is null
            then (select max(number) from change where change.tenant = asked.tenant) end as newest,
       changed.rows, seen.places, seen.times
from unnest($1::integer[], $2::bigint[]) as asked (tenant, after)
cross join lateral (
    select json_agg(json_build_array(number, customer, other, customers) order by number) as rows
    from (select number, customer, other, customers from change
          where change.tenant = asked.tenant and change.number > asked.after order by change.number limit $3) as change
    ) as changed
cross join lateral (
    select array_agg(viewed.place) as places,
           array_agg((select viewed_at from view where view.tenant = viewed.tenant and view.id = viewed.id)) as times
    from unnest($4::integer[], $5::uuid[]) with ordinality as viewed (tenant, id, place)
    where viewed.tenant = asked.tenant) as seen;

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
