-- Fewer index entries for each node and link that lands.

-- A node's island is mostly called like its customer, and is found by that: the index holds the others alone.
drop index node_island;
create index node_island on node (island) where island <> customer;

-- A suspended link is listed once, not from both of its ends.
drop index link_suspended;
create index link_suspended on link (tenant, suspended, node, other) where suspended is not null and node < other;
