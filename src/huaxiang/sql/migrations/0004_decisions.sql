-- What persons decide, and what waits for their word.

-- An epoch is named by the time of its cut, in microseconds since 1900, so that another cut leaves the others' names.
alter table node alter column epoch type bigint;

-- Who said that an identifier changed hands, when, and why.
alter table cut add column author text not null default '';
alter table cut add column reason text not null default '';
alter table cut add column came_at timestamptz not null default now();

-- A person's decisions are few among a tenant's facts, suspended links among its links.
create index fact_decision on fact (tenant, came_at desc, record) where kind = 'link' and said ? 'author';
create index link_suspended on link (tenant, suspended, node, other) where suspended is not null;
create index node_hub on node (tenant, node) where hub;

-- Changes are numbered under their tenant's lock, and timed there, so that their times are in the order of their numbers.
alter table change alter column at set default clock_timestamp();
