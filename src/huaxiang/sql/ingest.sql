-- name: lock_tenant
-- One writer a tenant at a time: what is written is a function of the facts, not of a race.
select pg_advisory_xact_lock(7283, $1::integer);

-- name: cuts
-- The tenant's cuts, all of them: there are few.
select kind, value, scope, at from cut where tenant = $1 order by at;

-- name: add_cut
with noted as (
    insert into version as had (tenant, part, number) values ($1, 'cuts', 1)
    on conflict (tenant, part) do update set number = had.number + 1)
insert into cut (tenant, kind, value, scope, at, author, reason) values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing;

-- name: standing
-- What a batch meets, in one question: what the tenant has decided, what the registry holds of its keys ($2), when
-- identifiers changed hands, and whether anything of the tenant's was erased.
select 'record' as what, key, updated_at, digest, given_at, nodes,
       null as kind, null as value, null as scope, null::timestamptz as at,
       null as login_name, null as time_zone, null::jsonb as settings
from record where key = any($2::uuid[])
union all
select 'cut', null, null, null, null, null, kind, value, scope, at, null, null, null from cut where tenant = $1
union all
select 'erased', null, null, null, null, null, null, null, null, null, null, null, null
where exists (select from erased where tenant = $1)
union all
select 'tenant', null, null, null, null, null, null, null, null, null, login_name, time_zone, settings
from tenant where id = $1;

-- name: known_records
-- What the registry holds of these keys.
select key, updated_at, digest, given_at, nodes from record where key = any($1::uuid[]);

-- name: put_new_records
-- Name the winning revisions of records that were not known, where each touches no node but its own.
insert into record (key, tenant, updated_at, digest, given_at, nodes)
select record, tenant, updated_at, digest, $1, array[node] from staged_fact where current and kind <> 'spread' order by record;

-- name: put_new_record
-- The same of one ($2) that touches these nodes ($3).
insert into record (key, tenant, updated_at, digest, given_at, nodes)
select record, tenant, updated_at, digest, $1, $3::uuid[]
from staged_fact where record = $2::uuid and current and kind <> 'spread';

-- name: put_records
-- Name the winning revisions and the nodes that they touch.
insert into record (key, tenant, updated_at, digest, given_at, nodes)
select new.key, $1, new.updated_at, new.digest, new.given_at,
       string_to_array(new.nodes, ',')::uuid[]
from unnest($2::uuid[], $3::timestamptz[], $4::bytea[], $5::timestamptz[], $6::text[])
     as new (key, updated_at, digest, given_at, nodes)
order by new.key
on conflict (key) do update
    set updated_at = excluded.updated_at, digest = excluded.digest, nodes = excluded.nodes;

-- name: retire_facts
-- A superseded record's facts stay as history. What was said of a CRM's record is noted: its entry is made anew.
with retired as (
    update fact set current = false
    from unnest($1::uuid[], $2::uuid[]) as old (node, record)
    where fact.node = old.node and fact.record = old.record and fact.current and fact.kind <> 'spread'
    returning fact.kind, fact.said)
insert into relisted (name) select said ->> 'record' from retired where kind in ('record', 'step');

-- name: drop_spread
-- Spread facts are made from interactions; they go with the revision that made them.
delete from fact using unnest($1::uuid[], $2::uuid[]) as old (node, record)
where fact.node = old.node and fact.record = old.record and fact.kind = 'spread';

-- name: drop_ties
-- What a record no longer says of who is who, or is not, goes into the past; gives the nodes that it was said of.
with links as (
    delete from link using unnest($1::uuid[], $2::uuid[]) as old (node, record)
    where link.node = old.node and link.record = old.record
    returning link.*),
aparts as (
    delete from apart using unnest($1::uuid[], $2::uuid[]) as old (node, record)
    where apart.node = old.node and apart.record = old.record
    returning apart.*),
linked as (
    insert into past_link (node, other, record, tenant, strength, at, rank, record_id, came_at, gone_at)
    select node, other, record, tenant, strength, at, rank, record_id, came_at, clock_timestamp() from links
    returning node),
parted as (
    insert into past_apart (node, record, side, tenant, at, came_at, gone_at)
    select node, record, side, tenant, at, came_at, clock_timestamp() from aparts
    returning node)
select node from linked union select node from parted;

-- name: drop_revisions
-- A fact that now hangs on another node leaves its old place.
delete from fact using unnest($1::uuid[], $2::uuid[], $3::bytea[]) as old (node, record, digest)
where fact.node = old.node and fact.record = old.record and fact.digest = old.digest;

-- name: known_nodes
-- Which of these are nodes.
select node from node where node = any($1::uuid[]);

-- name: put_nodes
-- Nodes at first sight ($2 to $6) get their numbers, in order; gives the first of those. Where they are few, the facts come
-- along ($7 on), and wait from here on to be put and folded.
with fresh as materialized (
    select new.* from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[])
         with ordinality as new (node, kind, value, scope, epoch, place)
    where not exists (select from node where node.node = new.node)
    order by new.place),
numbered as materialized (select nextval('node_number') as number, fresh.* from fresh),
put as (
    insert into node (node, tenant, number, kind, value, scope, epoch, customer, island)
    select node, $1, number, kind, value, scope, epoch, number, number from numbered order by node),
staged as (
    insert into staged_fact (node, record, kind, digest, tenant, current, at, rank, record_id, source, enterprise,
                             updated_at, came_at, created_at, spelling, verified, about, said, gathered, duration,
                             rounds, city)
    select * from unnest($7::uuid[], $8::uuid[], $9::text[], $10::bytea[], $11::integer[], $12::boolean[],
                         $13::timestamptz[], $14::integer[], $15::text[], $16::text[], $17::text[], $18::timestamptz[],
                         $19::timestamptz[], $20::timestamptz[], $21::text[], $22::boolean[], $23::jsonb[],
                         $24::json[], $25::jsonb[], $26::integer[], $27::integer[], $28::text[]))
select min(number) as first from numbered;

-- name: met_alone
-- What calls that stand alone meet: whether anything keeps them from landing as they were packed (one of their records is
-- known, an identifier changed hands, something was erased), and for which of them something waits already.
select exists (select from record where key = any($2::uuid[]))
    or exists (select from cut where tenant = $1) or exists (select from erased where tenant = $1) as any,
    array(select distinct node from fact
          where node = any($2::uuid[]) and current and kind in ('transcript', 'mark')) as awaited;

-- name: met_packed
-- The same of facts with links, which wait for nothing. The keys come as one text: a list of so many costs its writer more.
select exists (select from record where key = any(string_to_array($2, ',')::uuid[]))
    or exists (select from cut where tenant = $1) or exists (select from erased where tenant = $1) as any;

-- name: put_nodes_alone
-- The nodes of calls that stand alone: those at first sight get their numbers, in order; gives the first of these, and
-- the customers of all.
with standing as materialized (
    select landing.tenant, landing.node, landing.place, landing.kind, landing.value, known.customer
    from landing_call as landing
    left join lateral (select customer from node where node.node = landing.node limit 1) as known on true),
fresh as materialized (select * from standing where customer is null order by place),
numbered as materialized (select nextval('node_number') as number, fresh.* from fresh),
put as (
    insert into node (node, tenant, number, kind, value, scope, epoch, customer, island)
    select node, tenant, number, kind, value, '', 0, number, number from numbered order by node)
select (select min(number) from numbered) as first,
       array(select customer from standing where customer is not null
             union all select number from numbered) as customers;

-- name: put_new_facts
-- What came, on its node, where no record of it was known.
insert into fact select * from staged_fact;

-- name: put_facts
-- What came, on its node; a revision that was there already takes its state from now.
insert into fact as had
select * from staged_fact order by node, record, kind
on conflict (node, record, kind, digest) do update
    set current = true, at = excluded.at, rank = excluded.rank, created_at = excluded.created_at,
        spelling = excluded.spelling, verified = excluded.verified, about = excluded.about, gathered = null,
        duration = excluded.duration, rounds = excluded.rounds, city = excluded.city
    where excluded.current
      and (had.current, had.at, had.rank, had.created_at, had.spelling, had.verified, had.about::text, had.gathered,
           had.duration, had.rounds, had.city)
          is distinct from (true, excluded.at, excluded.rank, excluded.created_at, excluded.spelling, excluded.verified,
                            excluded.about::text, null::jsonb, excluded.duration, excluded.rounds, excluded.city);

-- name: standing_nodes
-- Of the nodes that land, in one row: those that stand already (by their places, with their numbers, customers and
-- islands, whether each is a hub, whether a person parted it, and its links, counted up to $1), and new numbers for the
-- others, in order.
with standing as materialized (
    select landing.place, node.number, node.customer, node.island, node.hub,
           exists (select from apart where apart.node = landing.node) as parted,
           case when $1::integer is null or node.hub then 0
                else (select count(*) from (select from link where link.node = landing.node and link.strength > 0
                                            limit $1) as counted)::integer end as links
    from landing_node as landing join node on node.node = landing.node)
select standing.*, fresh.*
from (select array_agg(place), array_agg(number), array_agg(customer), array_agg(island), array_agg(hub),
             array_agg(parted), array_agg(links)
      from standing) as standing (places, had_numbers, customers, islands, hubs, parted, links)
cross join (
    select array_agg(nextval('node_number'))
    from generate_series(1, (select count(*) from landing_node) - (select count(*) from standing))) as fresh (numbers);

-- name: landed_neighbours
-- How many distinct neighbours of each kind these nodes, by their places, had before anything landed.
select landing.place, link.other_kind, count(distinct link.other)::integer as neighbours
from unnest($1::integer[]) as asked (place) join landing_node as landing using (place)
join link on link.node = landing.node
where link.strength > 0
group by landing.place, link.other_kind;

-- name: put_landed_nodes
-- Nodes at first sight, by their places, named as they are to be.
insert into node (node, tenant, number, kind, value, scope, epoch, hub, customer, island)
select landing.node, $1, new.number, landing.kind, landing.value, landing.scope, landing.epoch, new.hub, new.customer,
       new.island
from unnest($2::integer[], $3::bigint[], $4::boolean[], $5::bigint[], $6::bigint[])
     as new (place, number, hub, customer, island)
join landing_node as landing using (place)
order by landing.node;

-- name: stage_few_links
-- A few links that land, as parameters.
insert into landing_link (node, other, record, tenant, other_kind, strength, at, rank, record_id, mentions, spelling,
                          verified, about, created_at, suspended, came_at, kind)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::smallint[], $7::timestamptz[],
                     $8::integer[], $9::text[], $10::boolean[], $11::text[], $12::boolean[], $13::jsonb[],
                     $14::timestamptz[], $15::text[], $16::timestamptz[], $17::text[]);

-- name: put_links
-- What landed is each link as its second end sees it; the other row says nothing of the first end, which the fact does.
insert into link (node, other, record, tenant, other_kind, strength, at, rank, record_id, mentions, spelling, verified,
                  about, created_at, suspended, came_at)
select node, other, record, tenant, other_kind, strength, at, rank, record_id, mentions, spelling, verified, about,
       created_at, suspended, came_at
from landing_link
union all
select other, node, record, tenant, kind, strength, at, rank, record_id, false, null, false, null, null, suspended,
       came_at
from landing_link
order by node, other, record
on conflict (node, other, record) do nothing;

-- name: put_new_links
-- The same, where no record of it was known; those at these places are suspended for these reasons.
insert into link (node, other, record, tenant, other_kind, strength, at, rank, record_id, mentions, spelling, verified,
                  about, created_at, suspended, came_at)
select node, other, record, tenant, other_kind, strength, at, rank, record_id, mentions, spelling, verified, about,
       created_at, reason, came_at
from (select landing.*, told.reason
      from landing_link as landing
      left join unnest($1::integer[], $2::text[]) as told (place, reason) on told.place = landing.place
      union all
      select other, node, record, tenant, kind, strength, at, rank, record_id, false, null, false, null, null, null,
             came_at, other_kind, landing.place, told.reason
      from landing_link as landing
      left join unnest($1::integer[], $2::text[]) as told (place, reason) on told.place = landing.place) as landed
order by node;

-- name: put_aparts
insert into apart (node, record, side, tenant, at, came_at)
select node, record, side, $1, at, came_at
from unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[], $6::timestamptz[])
     as new (node, record, side, at, came_at)
order by node
on conflict do nothing;

-- name: nodes_of_tenant
select node from node where tenant = $1 order by node;

-- name: nodes_replayed
-- The nodes to fold from all their facts, at the end of a rebuild.
select distinct node from replaying order by node;

-- name: end_of_page
-- The node at the end of the next so many ($2) facts behind a node, whoever's they are.
select node from fact where node > $1 order by node offset $2 limit 1;

-- name: facts_of_nodes
-- All facts on the nodes between two of them, for `standing`. What a call said is given where it may stand as it is:
-- nothing is made of it but what can be compared, and it has gathered nothing.
select case when kind = 'call' and current and not verified and about is null and created_at is null and gathered is null
            then said end as said,
       node, record, digest, source, enterprise, rank, at, record_id, updated_at, spelling, duration, rounds, city
from fact
where node > $2 and node <= $3 and tenant = $1 and kind <> 'spread'
order by node;

-- name: calls_unnamed
-- Of calls that seem to stand, those that the registry does not name as they stand.
select standing.node, standing.record from standing_call as standing
where not exists (
    select from record
    where record.key = standing.record and record.digest = standing.digest and record.nodes = array[standing.node]
      and record.updated_at is not distinct from standing.updated_at);

-- name: touching_records
-- Every record that has a row at one of these nodes.
select record from fact where node = any($1::uuid[]) and current and kind <> 'spread'
union select record from fact where node = any($1::uuid[]) and kind = 'spread'
union select record from link where node = any($1::uuid[])
union select record from apart where node = any($1::uuid[]);

-- name: said_by
-- The winning revisions of these records, as they came.
select fact.node, fact.record, fact.digest, fact.record_id, fact.updated_at, fact.came_at, fact.current, fact.said
from fact join unnest($1::uuid[], $2::uuid[]) as wanted (node, record)
     on fact.node = wanted.node and fact.record = wanted.record
where fact.current and fact.kind <> 'spread';

-- name: said_again
-- The same of the records that land once more in a rebuild, the revisions of a record together.
select node, record, kind, digest, tenant, current, at, rank, record_id, updated_at, came_at, created_at, spelling,
       verified, about, said, duration, rounds, city
from fact
where tenant = $1 and kind <> 'spread' and record in (select record from replaying)
order by record;

-- name: retire_revisions
update fact set current = false
from unnest($1::uuid[], $2::uuid[], $3::bytea[]) as old (node, record, digest)
where fact.node = old.node and fact.record = old.record and fact.digest = old.digest and fact.kind <> 'spread';

-- name: forget_nodes
-- A rebuild begins: nobody is joined.
update node set customer = number, island = number, hub = false
where tenant = $1 and (customer, island, hub) is distinct from (number, number, false);

-- name: forget_islands
delete from island where tenant = $1;
-- name: forget_links
delete from link where tenant = $1;
-- name: forget_aparts
delete from apart where tenant = $1;
-- name: forget_spread
delete from fact where tenant = $1 and kind = 'spread';
-- name: forget_gathered
update fact set gathered = null where tenant = $1 and kind = 'call' and gathered is not null;
-- name: forget_identity
delete from summary_identity where tenant = $1;
-- name: forget_call
delete from summary_call where tenant = $1;
-- name: forget_mark
delete from summary_mark as summary using node where node.node = summary.node and node.tenant = $1;
-- name: forget_trait
delete from summary_trait as summary using node where node.node = summary.node and node.tenant = $1;
-- name: forget_origin
delete from summary_origin as summary using node where node.node = summary.node and node.tenant = $1;
-- name: forget_activity
delete from summary_activity as summary using node where node.node = summary.node and node.tenant = $1;
-- name: forget_company
delete from summary_company where tenant = $1;

-- name: put_custom_fields
-- Definitions of custom fields: the newest wins; of two of one time, the greater bytes.
with put as (
    insert into custom_field as had (tenant, id, owner, sort, updated_at, details)
    select distinct on (new.id) $1, new.id, new.owner, new.sort, new.updated_at, new.details::jsonb
    from unnest($2::uuid[], $3::text[], $4::integer[], $5::timestamptz[], $6::text[])
         as new (id, owner, sort, updated_at, details)
    order by new.id, new.updated_at desc, new.details::jsonb::text collate "C" desc, new.owner collate "C" desc, new.sort desc
    on conflict (tenant, id) do update
        set owner = excluded.owner, sort = excluded.sort, updated_at = excluded.updated_at, details = excluded.details
        where (had.updated_at, had.details::text collate "C", had.owner collate "C", had.sort)
            < (excluded.updated_at, excluded.details::text collate "C", excluded.owner collate "C", excluded.sort)
    returning tenant)
insert into version as had (tenant, part, number) select distinct tenant, 'fields', 1 from put
on conflict (tenant, part) do update set number = had.number + 1;

-- name: put_accounts
-- Accounts that records name as their owners stand below the tenant's main account.
with put as (
    insert into account (id, tenant, parent)
    select new.id, $1, $2 from unnest($3::uuid[]) as new (id)
    order by new.id
    on conflict (tenant, id) do nothing
    returning tenant)
insert into version as had (tenant, part, number) select distinct tenant, 'accounts', 1 from put
on conflict (tenant, part) do update set number = had.number + 1;
