-- name: neighbours
-- How many distinct neighbours of each kind these nodes have.
select link.node, node.kind, link.other_kind, count(distinct link.other) as neighbours
from link join node using (node)
where link.node = any($1::uuid[]) and link.strength > 0
group by link.node, node.kind, link.other_kind;

-- name: hubs
select node from node where node = any($1::uuid[]) and hub;

-- name: set_hubs
update node set hub = new.hub from unnest($1::uuid[], $2::boolean[]) as new (node, hub) where node.node = new.node;

-- name: linked_to
-- Whom these nodes are linked with.
select distinct other from link where node = any($1::uuid[]) and strength > 0;

-- name: places
-- Where these nodes stand.
select node, number, kind, hub, customer, island from node where node = any($2::uuid[]) and tenant = $1;

-- name: fresh_links
-- The links of this batch that stand, each once.
select link.node, link.other, link.record, link.strength, link.rank, link.at, link.record_id, link.suspended
from landing_link as fresh join link using (node, other, record)
where link.strength > 0 and link.node < link.other;

-- name: islands_of
select label, size, state, weakest, strongest, kinds from island where label = any($1::bigint[]);

-- name: suspend_islands
update link set suspended = 'size'
from node where node.island = any($1::bigint[]) and link.node = node.node and link.strength > 0;

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

-- name: nodes_of_islands
-- Every node of these islands.
select node, number, kind, hub, customer, island from node where island = any($2::bigint[]) and tenant = $1;

-- name: links_of
-- All links at these nodes, seen from each of them.
select node, other, record, strength, rank, at, record_id, suspended from link
where node = any($1::uuid[]) and strength > 0;

-- name: suspend_hubs
-- A node that has become a hub joins nobody; one that is none any more starts anew.
update link set suspended = case when new.hub then 'neighbours' end
from unnest($1::uuid[], $2::boolean[]) as new (node, hub)
where link.node = new.node and link.strength > 0;

-- name: suspend_between_hubs
-- A new link of two nodes that were hubs already, which no island will look at.
update link set suspended = 'neighbours'
where node = any($1::uuid[]) and other = any($1::uuid[]) and strength > 0 and suspended is null;

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
