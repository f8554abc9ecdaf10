-- What persons decide about who is who, and what waits for their word.

-- name: named_nodes
-- Nodes by what they are called, with whose they are.
select node.node, node.number, node.kind, node.value, node.scope, node.epoch, node.customer, identity.at as newest_at
from node left join summary_identity as identity using (node)
where node.node = any($2::uuid[]) and node.tenant = $1;

-- name: numbered_nodes
select node.node, node.number, node.kind, node.value, node.scope, node.epoch, node.customer, identity.at as newest_at
from node left join summary_identity as identity using (node)
where node.number = any($2::bigint[]) and node.tenant = $1;

-- name: members
-- Every node of these customers, those too that only a person named.
select node.node, node.number, node.kind, node.value, node.scope, node.epoch, node.customer, identity.at as newest_at
from node left join summary_identity as identity using (node)
where node.customer = any($2::bigint[]) and node.tenant = $1
order by node.number;

-- name: decisions
-- The newest word of each decision, newest first; what a part had to join is part of it.
select record, came_at from fact
where tenant = $1 and kind = 'link' and said -> 'author' is not null and current and not (source = $2 and strpos(record_id, '/') > 0)
order by came_at desc, record limit $3;

-- name: decision_revisions
-- All that was said of these decisions: as they were taken, and as they were taken back.
select record, record_id, at, came_at, current, said from fact
where tenant = $1 and kind = 'link' and said -> 'author' is not null and record = any($2::uuid[])
order by came_at, digest;

-- name: decisions_called
-- The decisions with this id, whoever's they are.
select record, record_id, source, enterprise, at, came_at, updated_at, said from fact
where tenant = $1 and kind = 'link' and said -> 'author' is not null and current and record_id = $2;

-- name: decisions_within
-- What a part had to join, and is undone with it.
select record, record_id, source, enterprise, at, came_at, updated_at, said from fact
where tenant = $1 and kind = 'link' and said -> 'author' is not null and current and source = $2
  and starts_with(record_id, $3::text || '/');

-- name: why_suspended
-- Why what a record links does not hold.
select distinct suspended from link where node = any($1::uuid[]) and record = $2 and suspended is not null;

-- name: cuts_made
-- Who changed hands, when, and who says so; newest word first.
select kind, value, scope, at, author, reason, came_at from cut where tenant = $1 order by came_at desc, at desc;

-- name: suspended_counts
-- How many links wait, by the reason why they are suspended.
select suspended as reason, count(*) as links from link
where tenant = $1 and suspended is not null and node < other
group by suspended;

-- name: suspended_links
-- Pairs of identifiers whose links wait, the best attested first, with some of the records that say so.
select node, other, count(*) as links, max(strength) as strength, min(came_at) as since,
       (array_agg(record order by strength desc, at, record_id, record))[1:5] as cited
from link
where tenant = $1 and suspended = $2 and node < other
group by node, other
order by max(strength) desc, count(*) desc, node, other
limit $3;

-- name: crowded_nodes
-- Hubs, which join nobody, the most crowded first.
select node.node, node.number, node.kind, node.value, node.scope, node.customer,
       count(distinct link.other) as neighbours, count(distinct link.record) as links
from node join link using (node)
where node.tenant = $1 and node.hub and link.strength > 0
group by node.node, node.number, node.kind, node.value, node.scope, node.customer
order by count(distinct link.other) desc, node.number
limit $2;

-- name: frequent_nodes
-- Identifiers with the most distinct neighbours of one kind: a line of the tenant's own is among them.
select node.node, node.number, node.kind, node.value, node.scope, node.customer, node.hub, link.other_kind,
       count(distinct link.other) as neighbours
from node join link using (node)
where node.tenant = $1 and link.strength > 0 and ($2::text is null or node.kind = $2)
group by node.node, node.number, node.kind, node.value, node.scope, node.customer, node.hub, link.other_kind
having count(distinct link.other) >= $3
order by count(distinct link.other) desc, node.number, link.other_kind
limit $4;

-- name: linked_nodes
-- Every node that a link could join to another.
select distinct node from link where tenant = $1 and strength > 0;

-- name: remember_suspended
insert into suspended_before
select node, other, record, suspended from link where tenant = $1 and suspended is not null and node < other;

-- name: members_before
-- Every node that was of these customers when the labels were remembered.
select before.customer, node.number, node.kind, node.value, node.scope
from label_before as before join node using (number)
where before.customer = any($2::bigint[]) and node.tenant = $1
order by node.number;

-- name: labels_turned
-- Who has become whose, since the labels were remembered.
select count(*) filter (where before.number = before.customer) as joined,
       count(*) filter (where node.customer = before.number) as parted,
       count(*) as moved
from label_before as before join node using (number)
where node.customer <> before.customer and node.tenant = $1;

-- name: labels_turned_shown
-- Some of them: the ids that end, or begin. All are found first: a limit must not tempt the planner to look one by one.
with turned as materialized (
    select before.number, before.customer as before, node.customer as after
    from label_before as before join node using (number)
    where node.customer <> before.customer and node.tenant = $1
      and case when $2::boolean then before.number = before.customer else node.customer = before.number end)
select number, before, after from turned order by number limit $3;

-- name: suspended_turned
-- Links that are suspended now and were not, by reason; and those that were, and no longer are.
select coalesce(link.suspended, 'none') as reason, count(*) as links
from (select node, other, record, suspended from link
      where tenant = $1 and suspended is not null and node < other) as link
full join suspended_before as before using (node, other, record)
where link.suspended is distinct from before.reason
group by 1;

-- name: suspended_turned_shown
-- Some of those that are suspended now; all are found first, as above.
with turned as materialized (
    select link.node, link.other, link.suspended as reason, count(*) as links
    from link left join suspended_before as before using (node, other, record)
    where link.tenant = $1 and link.suspended is not null and link.node < link.other
      and before.reason is distinct from link.suspended
    group by link.node, link.other, link.suspended)
select node, other, reason, links from turned order by reason, node, other limit $2;
