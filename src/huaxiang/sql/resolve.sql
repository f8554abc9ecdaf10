-- Which identifiers are one customer: what stands where links came, and what is named anew.

-- name: landed_links
-- What stands where links came, in one row: the links of this batch that may join, as the islands of their two ends;
-- and of all nodes touched the hubs, those that a person parted, and those with more links than a limit allows neighbours.
with ends as materialized (
    select node, node.island, node.hub from unnest($1::uuid[]) as touched (node) join node using (node)),
joining as (
    select one.island as one, other.island as other, link.strength
    from landing_link as link join ends as one on one.node = link.node join ends as other on other.node = link.other
    where link.strength > 0 and not one.hub and not other.hub)
select links.*, hubs.*, parted.*, crowded.*
from (select array_agg(one), array_agg(other), array_agg(strength) from joining) as links (ones, others, strengths)
cross join (select array_agg(node) from ends where hub) as hubs (hubs)
cross join (select array_agg(touched.node) from unnest($1::uuid[]) as touched (node)
            cross join lateral (select from apart where apart.node = touched.node limit 1) as said) as parted (parted)
cross join (select array_agg(touched.node) from unnest($1::uuid[]) as touched (node)
            cross join lateral (select from link where link.node = touched.node offset $2::integer limit 1) as further
            where $2::integer is not null) as crowded (crowded);

-- name: islands_at
select distinct island from unnest($1::uuid[]) as touched (node) join node using (node);

-- name: islands_of
-- What is kept of these islands, and of how many nodes the others are, where they have more than one (if $2: wanted).
-- An island of which nothing is kept is plain, and so is found by its customer. No two tenants have a number in common.
with asked as materialized (select unnest($1::bigint[]) as label),
kept as materialized (
    select label, size, state, weakest, strongest, kinds from asked join island using (label)),
counted as (
    select asked.label, count(*)::integer as size from asked join node on node.customer = asked.label
    where $2::boolean and not exists (select from kept where kept.label = asked.label)
    group by asked.label having count(*) > 1)
select kept.*, counted.*
from (select array_agg(label), array_agg(size), array_agg(state), array_agg(weakest), array_agg(strongest),
             array_agg(kinds::text) from kept) as kept (kept, kept_sizes, states, weakest, strongest, kinds)
cross join (select array_agg(label), array_agg(size) from counted) as counted (many, sizes);

-- name: kinds_of
-- What plain islands are made of.
select node.customer, node.kind, count(*)::integer
from unnest($1::bigint[]) as asked (label) join node on node.customer = asked.label
group by node.customer, node.kind;

-- name: strengths_of
-- The weakest and the strongest link within plain islands.
select min(link.strength) as weakest, max(link.strength) as strongest
from unnest($1::bigint[]) as asked (label) join node on node.customer = asked.label join link on link.node = node.node
where link.strength > 0 and link.suspended is distinct from 'neighbours';

-- name: linked_to
-- Whom these nodes are linked with.
select distinct node, other from link where node = any($1::uuid[]) and strength > 0;

-- name: nodes_of_islands
-- Every node of these islands: those that are called like their customer are found by that, here and below.
select node, number, kind, hub, customer, island from node
where customer = any($2::bigint[]) and island = customer and tenant = $1
union all
select node, number, kind, hub, customer, island from node
where island = any($2::bigint[]) and island <> customer and tenant = $1;

-- name: join_islands
-- Whole customers that become one.
update node set customer = new.label, island = new.label
from unnest($1::bigint[], $2::bigint[]) as new (gone, label) where node.customer = new.gone;

-- name: joined_in_islands
-- Who is not called after itself.
select node.number, node.customer
from unnest($1::bigint[]) as asked (label) join node on node.customer = asked.label
where node.island = node.customer and node.customer <> node.number
union all
select node.number, node.customer
from unnest($1::bigint[]) as asked (label) join node on node.island = asked.label
where node.island <> node.customer and node.customer <> node.number;

-- name: flatten_islands
-- Islands that become part of one in which nobody is joined.
with new as materialized (select gone, label from unnest($1::bigint[], $2::bigint[]) as new (gone, label)),
standing as materialized (
    select node.node, new.label from new join node on node.customer = new.gone where node.island = node.customer
    union all
    select node.node, new.label from new join node on node.island = new.gone where node.island <> node.customer)
update node set customer = node.number, island = standing.label from standing where node.node = standing.node;

-- name: suspend_islands
-- All links of these islands, in the order of their index; those of a hub are so already.
with standing as materialized (
    select node.node from unnest($1::bigint[]) as asked (label) join node on node.customer = asked.label
    where node.island = node.customer
    union all
    select node.node from unnest($1::bigint[]) as asked (label) join node on node.island = asked.label
    where node.island <> node.customer
    order by node)
update link set suspended = 'size' from standing
where link.node = standing.node and link.strength > 0
  and (link.suspended is null or link.suspended not in ('neighbours', 'size'));

-- name: suspend_landed_in_islands
-- The links of this batch that these islands hold, seen from both ends.
with standing as materialized (
    select way.node, way.other, landed.record
    from landing_link as landed join node on node.node = landed.node
    cross join lateral (values (landed.node, landed.other), (landed.other, landed.node)) as way (node, other)
    where landed.strength > 0 and node.island = any($1::bigint[]))
update link set suspended = 'size' from standing
where link.suspended is null
  and link.node = standing.node and link.other = standing.other and link.record = standing.record;

-- name: suspend_landed_at_hubs
-- The links of this batch that one of these nodes holds, seen from both ends.
with held as materialized (
    select way.node, way.other, landed.record
    from landing_link as landed
    cross join lateral (values (landed.node, landed.other), (landed.other, landed.node)) as way (node, other)
    where landed.strength > 0 and (landed.node = any($1::uuid[]) or landed.other = any($1::uuid[])))
update link set suspended = 'neighbours' from held
where link.node = held.node and link.other = held.other and link.record = held.record
  and link.suspended is distinct from 'neighbours';

-- name: neighbours
-- How many distinct neighbours of each kind these nodes have.
select link.node, node.kind, link.other_kind, count(distinct link.other) as neighbours
from link join node using (node)
where link.node = any($1::uuid[]) and link.strength > 0
group by link.node, node.kind, link.other_kind;

-- name: set_hubs
update node set hub = new.hub from unnest($1::uuid[], $2::boolean[]) as new (node, hub) where node.node = new.node;

-- name: drop_islands
delete from island where label = any($1::bigint[]);

-- name: put_islands
insert into island (tenant, label, size, state, weakest, strongest, kinds)
select $1, new.label, new.size, new.state, new.weakest, new.strongest, new.kinds::jsonb
from unnest($2::bigint[], $3::integer[], $4::text[], $5::smallint[], $6::smallint[], $7::text[])
     as new (label, size, state, weakest, strongest, kinds)
on conflict (label) do update
    set size = excluded.size, state = excluded.state, weakest = excluded.weakest, strongest = excluded.strongest,
        kinds = excluded.kinds;

-- name: links_of
-- All links at these nodes, seen from each of them.
select node, other, record, strength, rank, at, record_id, suspended from link
where node = any($1::uuid[]) and strength > 0;

-- name: suspend_hubs
-- A node that has become a hub joins nobody; one that is none any more starts anew.
update link set suspended = case when new.hub then 'neighbours' end
from unnest($1::uuid[], $2::boolean[]) as new (node, hub)
where link.node = new.node and link.strength > 0;

-- name: aparts_of
select node, record, side, at from apart where node = any($1::uuid[]);

-- name: relabel
update node set customer = new.customer, island = new.island
from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as new (node, customer, island)
where node.node = new.node;

-- name: suspend
-- Both ends of a link say whether, and why, it is suspended.
update link set suspended = new.reason
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) as new (node, other, record, reason)
where link.node = new.node and link.other = new.other and link.record = new.record;
