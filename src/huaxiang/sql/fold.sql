-- How facts become summaries. Each statement adds what is staged to what is there, so that a fresh batch and a whole
-- refold are one code: a refold first drops its nodes' rows, then stages all their facts. A batch that was packed beforehand
-- brings folds of its own along (`add_…`): the same rows, as a test holds against these statements. Calls that stand alone
-- come as the sums of their nodes (`landing_call`), in place of facts. What the newest one lends is decided
-- column by column: a subquery for each row would take as long as its writing.

-- name: unstage
-- What landed and is not to be added as it is: history, what waits for its call, and nodes that are folded anew.
delete from staged_fact where not current or kind in ('transcript', 'mark', 'amendment') or node = any($1::uuid[]);

-- name: unstage_alone
-- Nodes that are folded anew need no sums of the calls that came.
delete from landing_call where node = any($1::uuid[]);

-- name: stage_links
-- The links that landed, but for those of nodes that are folded anew.
insert into staged_link
select node, other, record, tenant, other_kind, strength, at, rank, record_id, mentions, spelling, verified, about,
       created_at, suspended, came_at
from landing_link where node <> all($1::uuid[]);

-- name: stage_nodes
-- All current facts of the nodes to refold.
insert into staged_fact
select * from fact where node = any($1::uuid[]) and current and kind not in ('transcript', 'mark', 'amendment');

-- name: stage_node_links
insert into staged_link select * from link where node = any($1::uuid[]);

-- name: drop_identity
-- A node that is folded anew has no summaries meanwhile.
delete from summary_identity where node = any($1::uuid[]);
-- name: drop_call
-- What went, for the counts of pages.
with gone as (delete from summary_call where node = any($1::uuid[]) returning node, spelling)
insert into page_change (node, label, spelling, rows) select node, '', spelling, -1 from gone;
-- name: drop_mark
with gone as (delete from summary_mark where node = any($1::uuid[]) returning node)
insert into relabelled (node) select distinct node from gone;
-- name: drop_trait
delete from summary_trait where node = any($1::uuid[]);
-- name: drop_origin
delete from summary_origin where node = any($1::uuid[]);
-- name: drop_activity
delete from summary_activity where node = any($1::uuid[]);

-- name: fold_identity
-- What records say of the identifier itself: the newest spelling, verified by any, known since the earliest.
-- One record may mention a node twice, as its own and as its upstream's; then the spelling itself decides.
insert into summary_identity as had
(select distinct on (node) node, tenant, at, rank, record_id, record, spelling,
        bool_or(verified) over of_node, min(at) over of_node, min(created_at) over of_node
 from (select node, tenant, at, rank, record_id, record, spelling, verified, created_at
       from staged_fact where spelling is not null
       union all
       select node, tenant, at, rank, record_id, record, spelling, verified, created_at
       from staged_link where mentions and spelling is not null) as mention
 window of_node as (partition by node)
 order by node, at desc, rank desc, record_id desc, record desc, spelling collate "C" desc)
union all
select node, tenant, at, rank, record_id, record, spelling, false, first_at, null from landing_call
on conflict (node) do update
    set verified = had.verified or excluded.verified,
        first_at = least(had.first_at, excluded.first_at),
        created_at = least(had.created_at, excluded.created_at),
        at = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.at else had.at end,
        rank = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.rank else had.rank end,
        record_id = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.record_id else had.record_id end,
        record = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.record else had.record end,
        spelling = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.spelling else had.spelling end;

-- name: fold_call
-- Calls count and add; the newest one lends its spelling and its city. A row that was prepared for pages is prepared no
-- more; what came and what is spelled otherwise is noted for their counts, the rest where a segment may hold it.
with folded as (
insert into summary_call as had
(select distinct on (node) node, tenant, count(*) over of_node,
        count(duration) over of_node, coalesce(sum(duration) over of_node, 0), max(duration) over of_node,
        count(round) over of_node, coalesce(sum(round) over of_node, 0), max(round) over of_node,
        at, rank, record_id, record, spelling, city
 from (select node, tenant, at, rank, record_id, record, spelling, duration, city,
              coalesce((gathered ->> 'rounds')::integer, rounds) as round
       from staged_fact where kind = 'call') as call
 window of_node as (partition by node)
 order by node, at desc, rank desc, record_id desc, record desc)
union all
select node, tenant, calls, durations, duration_sum, duration_max, rounds, round_sum, round_max,
       at, rank, record_id, record, spelling, city
from landing_call
on conflict (node) do update
    set portrait = null,
        spelling_before = had.spelling,
        calls = had.calls + excluded.calls,
        durations = had.durations + excluded.durations,
        duration_sum = had.duration_sum + excluded.duration_sum,
        duration_max = greatest(had.duration_max, excluded.duration_max),
        rounds = had.rounds + excluded.rounds,
        round_sum = had.round_sum + excluded.round_sum,
        round_max = greatest(had.round_max, excluded.round_max),
        at = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.at else had.at end,
        rank = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.rank else had.rank end,
        record_id = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.record_id else had.record_id end,
        record = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.record else had.record end,
        spelling = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.spelling else had.spelling end,
        city = case when (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record) then excluded.city else had.city end
returning node, spelling, spelling_before)
insert into page_change (node, label, spelling, rows)
select node, '', spelling, 1 from folded where spelling_before is distinct from spelling
union all
select node, '', spelling_before, -1 from folded where spelling_before <> spelling
union all
select node, '', spelling, 0 from folded where spelling_before = spelling and exists (select from portrait_segment);

-- name: fold_mark
-- A call's marks as they stand, one row each.
with folded as (
insert into summary_mark
select call.node, call.record, mark.type, mark.name, mark.checked, mark.added, mark.deleted, mark.second, call.at,
       call.enterprise || '-' || call.record_id
from staged_fact as call
cross join lateral jsonb_to_recordset(call.gathered -> 'marks')
     as mark (type text, name text, checked boolean, added boolean, deleted boolean, second integer)
where call.kind = 'call' and call.gathered is not null
order by call.node, call.record
on conflict do nothing
returning node)
insert into relabelled (node) select distinct node from folded;

-- name: fold_trait
-- The newest of each trait; under no name at all, which no trait has, the newest said about the identifier itself.
-- A look for the word spares most facts their parsing.
insert into summary_trait as had
select distinct on (node, name) node, name, at, rank, record_id, record, value
from (select fact.node, trait.key collate "C" as name, fact.at, fact.rank, fact.record_id, fact.record,
             trait.value::jsonb as value
      from staged_fact as fact cross join lateral json_each(fact.said -> 'traits') as trait
      where fact.kind <> 'spread' and strpos(fact.said::text, '"traits"') > 0
      union all
      select node, '', at, rank, record_id, record, about::jsonb from staged_fact where about is not null
      union all
      select node, '', at, rank, record_id, record, about from staged_link where mentions and about is not null
     ) as said
order by node, name, at desc, rank desc, record_id desc, record desc, value::text collate "C" desc
on conflict (node, name) do update
    set at = excluded.at, rank = excluded.rank, record_id = excluded.record_id, record = excluded.record,
        value = excluded.value
    where (had.at, had.rank, had.record_id, had.record)
        < (excluded.at, excluded.rank, excluded.record_id, excluded.record);

-- name: fold_origin
-- Where the customer came from: the earliest word on it, whole.
insert into summary_origin as had
select distinct on (node) node, at, rank, record_id, record, (said -> 'origin')::jsonb
from staged_fact where kind not in ('spread', 'subscription') and strpos(said::text, '"origin"') > 0 and said -> 'origin' is not null
order by node, at, rank, record_id, record
on conflict (node) do update
    set at = excluded.at, rank = excluded.rank, record_id = excluded.record_id, record = excluded.record,
        value = excluded.value
    where (had.at, had.rank, had.record_id, had.record)
        > (excluded.at, excluded.rank, excluded.record_id, excluded.record);

-- name: add_identity
-- The three of these that follow add what was folded before it landed, a row for each node, to what stood there before.
insert into summary_identity as had select * from landing_identity
on conflict (node) do update
    set verified = had.verified or excluded.verified,
        first_at = least(had.first_at, excluded.first_at),
        created_at = least(had.created_at, excluded.created_at),
        (at, rank, record_id, record, spelling) = (
            select excluded.at, excluded.rank, excluded.record_id, excluded.record, excluded.spelling
            where (had.at, had.rank, had.record_id, had.record)
                < (excluded.at, excluded.rank, excluded.record_id, excluded.record)
            union all
            select had.at, had.rank, had.record_id, had.record, had.spelling limit 1);

-- name: add_trait
insert into summary_trait as had select * from landing_trait
on conflict (node, name) do update
    set at = excluded.at, rank = excluded.rank, record_id = excluded.record_id, record = excluded.record,
        value = excluded.value
    where (had.at, had.rank, had.record_id, had.record)
        < (excluded.at, excluded.rank, excluded.record_id, excluded.record);

-- name: add_origin
insert into summary_origin as had select * from landing_origin
on conflict (node) do update
    set at = excluded.at, rank = excluded.rank, record_id = excluded.record_id, record = excluded.record,
        value = excluded.value
    where (had.at, had.rank, had.record_id, had.record)
        > (excluded.at, excluded.rank, excluded.record_id, excluded.record);

-- name: fold_activity
-- Day buckets, in the tenant's time zone: the customer's own interactions, and those that name it as their upstream; and,
-- without a type, what a source summed up itself.
insert into summary_activity as had
select node, side, (at at time zone time_zone)::date as day, type, account, sum(count), max(at)
from (select node, tenant, case kind when 'spread' then 'spread' else 'active' end as side, at, said ->> 'type' as type,
             coalesce(said ->> 'account', '') as account, 1 as count
      from staged_fact where kind in ('interaction', 'spread')
      union all
      select fact.node, fact.tenant, coalesce(portion.side, 'active'), portion.at, '', coalesce(portion.account, ''),
             coalesce(portion.count, 0)
      from staged_fact as fact cross join lateral json_to_recordset(fact.said -> 'portions')
           as portion (side text, at timestamptz, account text, count bigint)
      where fact.kind = 'tally') as told
join tenant on tenant.id = told.tenant
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5
on conflict (node, side, day, type, account) do update
    set count = had.count + excluded.count, newest_at = greatest(had.newest_at, excluded.newest_at);

-- name: drop_company
delete from summary_company where node = any($1::uuid[]);

-- name: fold_company
-- Which of the tenant's sub-enterprises ($1) facts name; under no name, that a fact names none of them. A person's
-- decision is nobody's.
insert into summary_company (node, company, tenant)
select node, case when enterprise = any($1::text[]) then enterprise else '' end, tenant
from staged_fact where kind <> 'link' or said -> 'author' is null
union
select node, case when enterprise = any($1::text[]) then enterprise else '' end, tenant
from landing_call cross join unnest(enterprises) as of_node (enterprise)
order by 1, 2
on conflict do nothing;

-- name: fold_companies_anew
-- The same of all that is known, where the tenant's sub-enterprises have changed.
insert into summary_company (node, company, tenant)
select distinct node, case when enterprise = any($2::text[]) then enterprise else '' end, tenant
from fact
where tenant = $1 and current and kind not in ('transcript', 'mark', 'amendment')
  and (kind <> 'link' or said -> 'author' is null)
order by 1, 2
on conflict do nothing;
