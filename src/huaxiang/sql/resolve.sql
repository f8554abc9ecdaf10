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

-- name: islands
-- Every node of the islands that these nodes stand on.
select node, number, kind, hub, customer, island from node
where tenant = $1 and island in (select island from node where node = any($2::uuid[]));

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
