-- Pages of portraits: rows by descending spelling, read along an index and handed out as they were last rendered; and
-- what keeps the counts true by which a page knows its total and a deep offset its place.

-- name: page_buckets
-- In which buckets the rows from number $3 on lie, so many ($5), among all rows or those with a label: between which
-- spellings, how many rows each has, and how many of them come before. Of a number that changed hands, its holder of now
-- is the row: those of former holders ($4) are rows no longer. The last bucket comes always, since each tells the total.
-- (`offset 0`: else the rows that are past would be counted each time that `rows` is named.)
with past as materialized (
    select spelling from summary_call where $2::text = '' and tenant = $1 and node = any($4::uuid[])
    union all
    select spelling from portrait_label where label = $2 and tenant = $1 and node = any($4::uuid[])),
bucket as (
    select low, lead(low) over (order by low) as high, rows from portrait_count where tenant = $1 and label = $2),
live as (
    select low, high, rows - (select count(*) from past where spelling >= low and (high is null or spelling < high))
           as rows
    from bucket offset 0),
placed as (
    select low, high, rows, sum(rows) over (order by low desc) as through, sum(rows) over () as total from live)
select low, high, rows::bigint, total::bigint, greatest($3::bigint - through + rows, 0)::bigint as skip,
       exists (select from portrait_segment as segment
               where segment.tenant = $1 and segment.label = $2 and segment.low = placed.low and edition = $6) as is_whole
from placed
where (through > $3 and through - rows < $3 + $5::bigint) or through = total
order by low desc;

-- name: page_segment
select body from portrait_segment where tenant = $1 and label = $2 and low = $3 and edition = $4;

-- name: page_chunk
-- The next rows of a page, behind ($2, $3) and down to a spelling ($9), joined; where not all of them are ready, which
-- they are.
select string_agg(portrait, $8::bytea) as body, min(spelling) as spelling, (array_agg(node))[count(*)] as node,
       count(*) as rows, case when count(portrait) < count(*) then array_agg(node) end as nodes
from (select spelling, node, case when edition = $7 then portrait end as portrait from summary_call
      where tenant = $1 and spelling >= $9 and spelling <= $2 and (spelling < $2 or node > $3)
        and node <> all($4::uuid[])
      order by spelling desc, node limit $5 offset $6) as row;

-- name: page_chunk_labelled
-- The same of the rows that carry a label ($10) and others ($11).
select string_agg(portrait, $8::bytea) as body, min(spelling) as spelling, (array_agg(node))[count(*)] as node,
       count(*) as rows, case when count(portrait) < count(*) then array_agg(node) end as nodes
from (select page.spelling, node, case when edition = $7 then portrait end as portrait
      from (select spelling, node from portrait_label as labelled
            where tenant = $1 and label = $10 and spelling >= $9 and spelling <= $2
              and (spelling < $2 or node > $3) and node <> all($4::uuid[])
              and (cardinality($11::text[]) = 0
                   or (select count(*) from portrait_label as other
                       where other.node = labelled.node and other.label = any($11)) = cardinality($11))
            order by spelling desc, node limit $5 offset $6) as page
      join summary_call using (node)
      order by page.spelling desc, node) as row;

-- name: page_asked
-- Of these nodes, those that have a row and carry all the labels, in a page's order.
select node from summary_call as call
where node = any($2::uuid[]) and tenant = $1 and node <> all($4::uuid[])
  and (select count(*) from portrait_label as other
       where other.node = call.node and other.label = any($3::text[])) = cardinality($3)
order by spelling desc, node;

-- name: count_labels
-- How many rows carry each of these labels; a label that none carries is left out.
select label, sum(rows)::bigint as rows from portrait_count where tenant = $1 and label = any($2::text[])
group by label having sum(rows) > 0;

-- name: count_labelled
-- How many rows carry a label ($2) and others.
select count(*) as total from portrait_label as labelled
where tenant = $1 and label = $2 and node <> all($4::uuid[])
  and (select count(*) from portrait_label as other
       where other.node = labelled.node and other.label = any($3::text[])) = cardinality($3);

-- name: portrait_rows
-- Rows one by one, as far as they are ready. `version` tells two states of a row apart.
select node, xmin::text as version, spelling, calls, case when edition = $2 then portrait end as portrait
from summary_call where node = any($1::uuid[]);

-- name: ready_portraits
-- What many callers ask for: rows of their tenants' nodes, as they are ready, each with its customer; and with them the
-- tenants' versions, which are the rows without a node, each with its newest change.
select asked.tenant, coalesce(sum(version.number), 0)::bigint as version, null::uuid as node, null::bytea as portrait,
       (select max(change.number) from change where change.tenant = asked.tenant) as number
from (select distinct tenant from unnest($1::integer[]) as one (tenant)) as asked
left join version on version.tenant = asked.tenant
group by asked.tenant
union all
select call.tenant, null, call.node, case when edition = $3 then portrait end, node.customer
from unnest($1::integer[], $2::uuid[]) as asked (tenant, node)
join summary_call as call on call.node = asked.node and call.tenant = asked.tenant
join node on node.node = asked.node;

-- name: put_portraits
-- Rows that were rendered, where nothing has changed since; one that somebody is writing is left.
with unchanged as (
    select call.node, new.portrait
    from summary_call as call join unnest($2::uuid[], $3::text[], $4::bytea[]) as new (node, version, portrait)
         on call.node = new.node
    where call.xmin::text = new.version
    for no key update of call skip locked)
update summary_call as call set portrait = unchanged.portrait, edition = $1
from unchanged where call.node = unchanged.node;

-- name: try_lock_tenant
-- The tenant's lock, if nobody has it.
select pg_try_advisory_xact_lock(7283, $1::integer) as held;

-- name: put_segment
-- The rows of a bucket ($2, $3), where all of them are ready; nobody else may be writing. $4 is beyond any spelling.
with bucket as (
    select label, low, coalesce((select min(next.low) from portrait_count as next
                                 where next.tenant = $1 and next.label = one.label and next.low > one.low), $4::text)
           as high
    from portrait_count as one where tenant = $1 and label = $2 and low = $3)
insert into portrait_segment (tenant, label, low, edition, body)
select $1, label, low, $5::integer, string_agg(portrait, '\x0a'::bytea)
from (select label, low, case when edition = $5 then portrait end as portrait
      from bucket join summary_call on spelling >= low and spelling < high
      where label = '' and tenant = $1
      order by spelling desc, node) as row
group by label, low having count(*) = count(portrait) and sum(length(portrait)) <= $6::bigint
on conflict (tenant, label, low) do update set edition = excluded.edition, body = excluded.body;

-- name: put_segment_labelled
-- The same of a label's bucket.
with bucket as (
    select label, low, coalesce((select min(next.low) from portrait_count as next
                                 where next.tenant = $1 and next.label = one.label and next.low > one.low), $4::text)
           as high
    from portrait_count as one where tenant = $1 and label = $2 and low = $3)
insert into portrait_segment (tenant, label, low, edition, body)
select $1, label, low, $5::integer, string_agg(portrait, '\x0a'::bytea)
from (select bucket.label, low, case when edition = $5 then portrait end as portrait
      from bucket
      join portrait_label as labelled
           on labelled.label = bucket.label and labelled.spelling >= low and labelled.spelling < high
      join summary_call as call using (node)
      where labelled.tenant = $1
      order by labelled.spelling desc, node) as row
group by label, low having count(*) = count(portrait) and sum(length(portrait)) <= $6::bigint
on conflict (tenant, label, low) do update set edition = excluded.edition, body = excluded.body;

-- name: count_callers
-- How many customers have calls, and carry all the labels asked for: the calls of all its numbers are one row.
select count(*) as total
from (select node.customer, array_agg(call.node) as nodes
      from summary_call as call join node using (node)
      where call.tenant = $1
      group by node.customer
      having bool_or(call.node <> all($4::uuid[]))) as caller
where ($2::uuid[] is null or customer in (select customer from node where node = any($2::uuid[])))
  and not exists (
    select from unnest($3::text[]) as wanted (label)
    where not exists (select from portrait_label as other
                      where other.node = any(caller.nodes) and other.label = wanted.label));

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
    where not exists (select from portrait_label as other
                      where other.node = any(caller.nodes) and other.label = wanted.label))
order by spellings[1] desc, nodes[1]
limit $4 offset $5;

-- name: page_changes
-- Whether anything that pages count by has changed in this transaction: rows or their spelling, marks.
select exists (select from page_change) as rows,
       exists (select from relabelled) or exists (select from page_change where rows < 0) as labels,
       exists (select from portrait_segment where tenant = $1 and label <> '') as segments;

-- name: drop_stale_labels
-- Labels that a row does not carry any more, or not under this spelling.
with touched as (select node from relabelled union select node from page_change where rows < 0),
gone as (
    delete from portrait_label as old using touched
    where old.node = touched.node
      and not exists (
        select from summary_call as call join summary_mark as mark using (node)
        where call.node = old.node and call.spelling = old.spelling and not mark.deleted
          and old.label in (mark.name, mark.type || '/' || mark.name))
    returning old.node, old.label, old.spelling)
insert into page_change (node, label, spelling, rows) select node, label, spelling, -1 from gone;

-- name: put_labels
-- Labels that a row carries now.
with touched as (select node from relabelled union select node from page_change where rows < 0),
came as (
    insert into portrait_label (node, label, tenant, spelling)
    select distinct call.node, named.label, call.tenant, call.spelling
    from touched join summary_call as call using (node) join summary_mark as mark using (node)
    cross join lateral (values (mark.name), (mark.type || '/' || mark.name)) as named (label)
    where not mark.deleted
    order by 1, 2
    on conflict (node, label) do nothing
    returning node, label, spelling)
insert into page_change (node, label, spelling, rows) select node, label, spelling, 1 from came;

-- name: touch_labels
-- Rows that are otherwise than before are so under each of their labels.
insert into page_change (node, label, spelling, rows)
select labelled.node, labelled.label, labelled.spelling, 0
from (select distinct node from page_change where label = '') as touched
join portrait_label as labelled using (node);

-- name: count_changes
-- Counts follow what changed, which is counted once; segments that hold it go. Gives the buckets that are too full ($2),
-- empty, or begin with a spelling that is gone.
with placed as (
    select change.label, coalesce(bucket.low, '') as low, sum(change.rows) as rows,
           coalesce(sum(change.rows) filter (where change.spelling = bucket.low) < 0, false) as unbound
    from page_change as change
    left join lateral (
        select low from portrait_count as one
        where one.tenant = $1 and one.label = change.label and one.low <= change.spelling
        order by low desc limit 1) as bucket on true
    group by 1, 2),
stale as (
    delete from portrait_segment as segment using placed
    where segment.tenant = $1 and segment.label = placed.label and segment.low = placed.low),
rows_done as (delete from page_change),
labels_done as (delete from relabelled),
counted as (
    insert into portrait_count as had (tenant, label, low, rows)
    select $1, label, low, rows from placed where rows <> 0 or unbound order by label, low
    on conflict (tenant, label, low) do update set rows = had.rows + excluded.rows
    returning label, low, rows)
select label, low, counted.rows > $2 as full, unbound and low <> '' as unbound
from counted join placed using (label, low)
where counted.rows > $2 or counted.rows = 0 or unbound;

-- name: join_buckets
-- A bucket that begins nowhere any more is counted with the one below it; of an empty one nothing is left.
with gone as (
    delete from portrait_count as had using unnest($2::text[], $3::text[]) as one (label, low)
    where had.tenant = $1 and had.label = one.label and had.low = one.low
    returning had.label, had.low, had.rows),
lost as (
    select gone.label, gone.rows,
           coalesce((select max(below.low) from portrait_count as below
                     where below.tenant = $1 and below.label = gone.label and below.low < gone.low
                       and (below.label, below.low) not in (select label, low from gone)), '') as low
    from gone),
stale as (
    delete from portrait_segment as segment using lost
    where segment.tenant = $1 and segment.label = lost.label and segment.low = lost.low)
insert into portrait_count as had (tenant, label, low, rows)
select $1, label, low, sum(rows) from lost where rows > 0 group by label, low
on conflict (tenant, label, low) do update set rows = had.rows + excluded.rows;

-- name: full_buckets
select label, low from portrait_count where tenant = $1 and label = any($2::text[]) and rows > $3;

-- name: split_buckets
-- Full buckets in pieces of so many rows ($5); $4 is beyond any spelling. Rows of one spelling stay together.
with wide as (
    select one.label, one.low,
           coalesce((select min(next.low) from portrait_count as next
                     where next.tenant = $1 and next.label = one.label and next.low > one.low), $4::text) as high
    from unnest($2::text[], $3::text[]) as one (label, low)),
spelled as (
    select wide.label, wide.low, row.spelling, count(*) as rows
    from wide cross join lateral (
        select spelling from summary_call
        where wide.label = '' and tenant = $1 and spelling >= wide.low and spelling < wide.high
        union all
        select spelling from portrait_label
        where label = wide.label and tenant = $1 and spelling >= wide.low and spelling < wide.high) as row
    group by 1, 2, 3),
placed as (
    select label, low, spelling, rows,
           (sum(rows) over (partition by label, low order by spelling) - rows)::bigint / $5::bigint as piece
    from spelled)
insert into portrait_count (tenant, label, low, rows)
select $1, label, case when piece = 0 then low else min(spelling) end, sum(rows) from placed group by label, low, piece
on conflict (tenant, label, low) do update set rows = excluded.rows;

-- name: forget_portraits
delete from portrait_label where tenant = $1;
-- name: forget_counts
delete from portrait_count where tenant = $1;
-- name: forget_segments
delete from portrait_segment where tenant = $1;
