-- Erasure: what is of a person, what refers to it, and its end. What refers is found by a scan of the tenant's facts.

-- name: erasure_of_customer
-- The nodes of a customer, those that nobody mentions too.
select node, number, kind, value, scope, customer, island from node where tenant = $1 and customer = $2 order by number;

-- name: erasure_of_nodes
select node, number, kind, value, scope, customer, island from node
where tenant = $1 and node = any($2::uuid[]) order by number;

-- name: erasure_of_number
select node, number, kind, value, scope, customer, island from node where tenant = $1 and number = $2;

-- name: erasure_revisions
-- What hangs on these nodes: which record, and whether that revision counts.
select node, record, kind, digest, current from fact where node = any($1::uuid[]);

-- name: erasure_neighbours
-- Nodes and records that these nodes are tied to.
select other as node, record from link where node = any($1::uuid[])
union select node, record from apart where node = any($1::uuid[]);

-- name: erasure_orphans
-- Of these nodes, those of which no other record says anything.
select node.node from node
where node.node = any($1::uuid[])
  and not exists (select from fact where fact.node = node.node and fact.record <> all($2::uuid[]))
  and not exists (select from link where link.node = node.node and link.record <> all($2::uuid[]))
  and not exists (select from apart where apart.node = node.node and apart.record <> all($2::uuid[]));

-- name: erasure_spellings
select spelling from fact where node = any($1::uuid[]) and spelling is not null
union select spelling from link where node = any($1::uuid[]) and spelling is not null;

-- name: erasure_held_by_others
-- Values that some node that stays holds too.
select distinct value from node where tenant = $1 and value = any($2::text[]) and node <> all($3::uuid[]);

-- name: erasure_references
-- Facts that may refer to the person: by a value anywhere in what was said, whatever its case, width and separators.
select node, record, digest, record_id, updated_at, came_at, current, at, said from fact
where tenant = $1 and kind <> 'spread'
  and said::text ~* $2;

-- name: erasure_said
-- All revisions of these records at these nodes.
select fact.node, fact.record, digest, record_id, updated_at, came_at, current, at, said
from fact join unnest($1::uuid[], $2::uuid[]) as wanted (node, record)
     on fact.node = wanted.node and fact.record = wanted.record
where fact.kind <> 'spread';

-- name: erasure_survivors
-- Which customers go on without these nodes, and under which of their numbers.
select customer, min(number) as onward from node
where tenant = $1 and customer = any($2::bigint[]) and node <> all($3::uuid[])
group by customer;

-- name: erasure_led
-- Numbers of identifiers erased before, that lead on to these.
select number, onward from leads_on where tenant = $1 and onward = any($2::bigint[]);

-- name: erasure_ids
-- Which of these numbers the feed has ever called a customer.
select customer as number from change where tenant = $1 and customer = any($2::bigint[])
union select other from change where tenant = $1 and other = any($2::bigint[])
union select one.customer from change cross join unnest(customers) as one (customer)
where tenant = $1 and customers && $2::bigint[] and one.customer = any($2::bigint[]);

-- name: erasure_counts
-- How many rows go, by table: nodes, records, places of calls' own, numbers. A span counts for each that goes from it.
select (select count(*) from fact where tenant = $1
           and (record in (select unnest($3::uuid[])) or node = any($4::uuid[]))) as fact,
       (select count(*) from record where key = any($3::uuid[])) as record,
       (select count(*) from node where node = any($2::uuid[])) as node,
       (select count(*) from link where node = any($2::uuid[])) as link,
       (select count(*) from past_link where tenant = $1
           and (node = any($2::uuid[]) or record in (select unnest($3::uuid[])))) as past_link,
       (select count(*) from apart where node = any($2::uuid[])) as apart,
       (select count(*) from past_apart where tenant = $1
           and (node = any($2::uuid[]) or record in (select unnest($3::uuid[])))) as past_apart,
       (select count(*) from summary_identity where node = any($2::uuid[])) as summary_identity,
       (select count(*) from summary_call where node = any($2::uuid[])) as summary_call,
       (select count(*) from summary_mark where node = any($2::uuid[])) as summary_mark,
       (select count(*) from summary_trait where node = any($2::uuid[])) as summary_trait,
       (select count(*) from summary_origin where node = any($2::uuid[])) as summary_origin,
       (select count(*) from summary_activity where node = any($2::uuid[])) as summary_activity,
       (select count(*) from summary_company where node = any($2::uuid[])) as summary_company,
       (select count(*) from view where tenant = $1 and id = any($5::uuid[])) as view,
       (select count(*) from change cross join unnest(coalesce(customers, array[customer])) as one (customer)
        where tenant = $1 and (change.customer = any($6::bigint[]) or customers && $6::bigint[])
          and one.customer = any($6::bigint[])) as change,
       (select count(*) from suggestion where tenant = $1
           and (one_node = any($2::uuid[]) or other_node = any($2::uuid[]))) as suggestion;

-- name: erase_links
-- What records linked, without a trace in the past.
delete from link using unnest($1::uuid[], $2::uuid[]) as old (node, record)
where link.node = old.node and link.record = old.record
returning link.node;

-- name: erase_aparts
delete from apart using unnest($1::uuid[], $2::uuid[]) as old (node, record)
where apart.node = old.node and apart.record = old.record
returning apart.node;

-- name: erase_past_links
delete from past_link where tenant = $1
   and (node = any($2::uuid[]) or other = any($2::uuid[]) or record in (select unnest($3::uuid[])));

-- name: erase_past_aparts
delete from past_apart where tenant = $1 and (node = any($2::uuid[]) or record in (select unnest($3::uuid[])));

-- name: erase_records
-- Every revision of these records, and what was spread from them, wherever it hangs.
-- What was said of a CRM's record is noted: its entry goes too, or is made anew.
with gone as (
    delete from fact where tenant = $1 and record in (select unnest($2::uuid[])) returning node, kind, said),
noted as (insert into relisted (name) select said ->> 'record' from gone where kind in ('record', 'step'))
select node from gone;

-- name: erase_facts_at
with gone as (delete from fact where node = any($1::uuid[]) returning kind, said)
insert into relisted (name) select said ->> 'record' from gone where kind in ('record', 'step');

-- name: erase_revisions
-- Revisions that come back without what referred to the person.
delete from fact using unnest($1::uuid[], $2::uuid[], $3::bytea[]) as old (node, record, digest)
where fact.node = old.node and fact.record = old.record and fact.digest = old.digest and fact.kind <> 'spread';

-- name: erase_registry
delete from record where key = any($1::uuid[]);

-- name: erase_nodes
delete from node where node = any($1::uuid[]);

-- name: erase_cuts
with noted as (
    insert into version as had (tenant, part, number) values ($1, 'cuts', 1)
    on conflict (tenant, part) do update set number = had.number + 1)
delete from cut using unnest($2::text[], $3::text[], $4::text[]) as gone (kind, value, scope)
where cut.tenant = $1 and cut.kind = gone.kind and cut.value = gone.value and cut.scope = gone.scope;

-- name: erase_views
delete from view where tenant = $1 and id = any($2::uuid[]);

-- name: erase_pull_places
-- A pull that broke off remembers whom it had come to: one that may name an erased one begins anew.
update pull set place = null
where tenant = $1 and place is not null
  and exists (select from unnest($2::text[]) as one (value) where strpos(pull.place::text, one.value) > 0);

-- name: erase_changes
-- A span is parted where somebody goes from it: whoever is left keeps the number that it had, and there is no gap in what
-- is left of it, nor a row without anybody. `piece` tells neighbours by what their numbers are ahead of their count.
with gone as (
    delete from change where tenant = $1 and (customer = any($2::bigint[]) or customers && $2::bigint[])
    returning number, at, customers),
rest as (
    select gone.number as span, at, place - cardinality(customers) + number as number, one.customer,
           place - row_number() over (partition by number order by place) as piece
    from gone cross join unnest(customers) with ordinality as one (customer, place)
    where one.customer <> all($2::bigint[]))
insert into change (tenant, number, at, what, customer, customers)
select $1, max(number), at, 'updated', case when count(*) = 1 then min(customer) end,
       case when count(*) > 1 then array_agg(customer order by number) end
from rest group by span, at, piece;

-- name: strip_changes
-- Of a customer that once had to do with an erased one, the feed says no more than that it changed.
update change set what = 'updated', other = null where tenant = $1 and other = any($2::bigint[]);

-- name: erase_leads
delete from leads_on where tenant = $1 and onward = any($2::bigint[]);

-- name: put_leads
insert into leads_on (tenant, number, onward)
select $1, new.number, new.onward from unnest($2::bigint[], $3::bigint[]) as new (number, onward)
on conflict (tenant, number) do update set onward = excluded.onward;

-- name: put_erased
-- Keyed marks, where the tenant wants them.
insert into erased (key, tenant) select new.key, $1 from unnest($2::uuid[]) as new (key) on conflict (key) do nothing;

-- name: erased_among
select key from erased where key = any($1::uuid[]);

-- name: drop_erased
-- The tenant does not want marks any more.
delete from erased where tenant = $1;

-- name: put_erasure
insert into erasure (tenant, number, customer, author, reason, counts)
values ($1, nextval('erasure_number'), $2, $3, $4, $5);

-- name: erasures
select at, customer, author, reason, counts from erasure where tenant = $1 order by number;

-- name: erasure_vacuum
-- Dead row versions leave the pages, their entries the indexes, their values the planner's statistics.
vacuum (index_cleanup on, analyze) record, fact, node, link, apart, past_link, past_apart, summary_identity,
    summary_call, summary_mark, summary_trait, summary_origin, summary_activity, summary_company,
    portrait_label, portrait_count, portrait_segment, crm_entry, view, cut, change, leads_on, suggestion;

-- name: erasure_vacuum_statistics
vacuum pg_catalog.pg_statistic;

-- name: erasure_scrub
-- The tables and their indexes in new files, the old ones deleted; nobody reads or writes meanwhile.
vacuum (full, analyze) record, fact, node, link, apart, past_link, past_apart, summary_identity,
    summary_call, summary_mark, summary_trait, summary_origin, summary_activity, summary_company,
    portrait_label, portrait_count, portrait_segment, crm_entry, view, cut, change, leads_on, suggestion;

-- name: erasure_scrub_statistics
vacuum (full) pg_catalog.pg_statistic;

-- name: checkpoint
checkpoint;
