-- Why a customer is one, and what is served of it: links, records, and the facts under every value. All only read.
-- Whatever may be long is cut by a stated most, and counted whole beside it.

-- name: evidence_names
-- Nodes by what they are called, and whose they are.
select node, number, kind, value, scope, epoch, hub, customer from node where tenant = $1 and node = any($2::uuid[]);

-- name: evidence_numbers
-- The nodes that have these numbers.
select node, number from node where tenant = $1 and number = any($2::bigint[]);

-- name: evidence_members
-- The nodes of one customer, oldest first, and how many there are.
select node, number, kind, value, scope, epoch, hub, customer, count(*) over () as members
from node where tenant = $1 and customer = $2 order by number limit $3;

-- name: evidence_first_seen
-- When the house first heard of these nodes.
select node, min(came_at) as first_seen
from (select node, came_at from fact where node = any($1::uuid[])
      union all select node, came_at from link where node = any($1::uuid[])
      union all select node, came_at from past_link where node = any($1::uuid[])) as said
group by node;

-- name: evidence_standing
-- The links that join these nodes, pair by pair: of each pair the first few, in the order in which they have their say.
with ranked as (
    select node, other, record, strength, at, came_at, suspended, count(*) over pair as links,
           row_number() over (partition by node, other order by strength desc, rank desc, at, record_id, record) as place
    from link where node = any($1::uuid[]) and node < other and suspended is null and strength > 0
    window pair as (partition by node, other))
select ranked.*, (select count(*) from ranked where place = 1) as pairs, (select count(*) from ranked) as total
from ranked where place <= $2
order by node, other, place limit $3;

-- name: evidence_suspended
-- The links at these nodes that join nobody, pair by pair in the same way; a pair within the nodes once.
with ranked as (
    select node, other, record, strength, at, came_at, suspended, count(*) over pair as links,
           row_number() over (partition by node, other order by strength desc, rank desc, at, record_id, record) as place
    from link where node = any($1::uuid[]) and (node < other or other <> all($1::uuid[]))
                and (suspended is not null or strength = 0)
    window pair as (partition by node, other))
select ranked.*, (select count(*) from ranked where place = 1) as pairs, (select count(*) from ranked) as total
from ranked where place <= $2
order by node, other, place limit $3;

-- name: evidence_aparts
-- The partings that name one of these nodes.
select distinct record from apart where node = any($1::uuid[]) order by record limit $2;

-- name: evidence_sides
-- Both sides of partings, at all nodes that their records touch.
select node, record, side, at, came_at from apart where node = any($1::uuid[]) and record = any($2::uuid[])
order by record, side, node;

-- name: evidence_revisions
-- What records said, their newest revisions first; of a decision its author and reason.
select said_at.node, said_at.record, said.kind, said.source, said.enterprise, said.record_id, said.at, said.came_at,
       said.current, said.author, said.reason, said.withdrawn
from unnest($1::uuid[], $2::uuid[]) as said_at (node, record)
cross join lateral (
    select kind, source, enterprise, record_id, at, came_at, current, said ->> 'author' as author,
           said ->> 'reason' as reason, coalesce((said ->> 'withdrawn')::boolean, false) as withdrawn
    from fact where fact.node = said_at.node and fact.record = said_at.record and kind <> 'spread'
    order by current desc, came_at desc limit 20) as said;

-- name: evidence_neighbours
-- Whom these nodes are linked with, by whatever link; of each node so many, the weightiest links first.
select asked.node, pair.other, pair.links, pair.standing
from unnest($1::uuid[]) as asked (node)
cross join lateral (
    select other, count(*) as links, bool_or(suspended is null and strength > 0) as standing from link
    where link.node = asked.node group by other
    order by standing desc, max(strength) desc, other limit $2) as pair;

-- name: evidence_between
-- The links of single pairs, the first few of each.
select asked.node, asked.other, said.record, said.strength, said.at, said.came_at, said.suspended, said.links
from unnest($1::uuid[], $2::uuid[]) as asked (node, other)
cross join lateral (
    select record, strength, at, came_at, suspended, count(*) over () as links from link
    where link.node = asked.node and link.other = asked.other
    order by (suspended is null and strength > 0) desc, strength desc, rank desc, at, record_id, record limit $3) as said;

-- name: evidence_ever
-- Every link that these nodes have and ever had, oldest first; of each node so many.
select asked.node, said.other, said.record, said.strength, said.rank, said.at, said.record_id, said.came_at, said.gone_at
from unnest($1::uuid[]) as asked (node)
cross join lateral (
    select * from (
        select other, record, strength, rank, at, record_id, came_at, null::timestamptz as gone_at
        from link where link.node = asked.node and strength > 0
        union all
        select other, record, strength, rank, at, record_id, came_at, gone_at
        from past_link where past_link.node = asked.node and strength > 0) as ever
    order by came_at, gone_at limit $2) as said;

-- name: evidence_aparts_ever
-- Every parting that these nodes have and ever had.
select node, record, side, at, came_at, null::timestamptz as gone_at from apart where node = any($1::uuid[])
union all
select node, record, side, at, came_at, gone_at from past_apart where node = any($1::uuid[]);

-- ── the facts under a value ────────────────────────────────────────────────────────────────────────────────────────

-- name: evidence_mentions
-- What records say of the identifiers themselves: of each node the newest few, and how many, and how many verify it.
with mention as (
    select node, record, kind, source, enterprise, record_id, at, rank, came_at, spelling, verified, created_at, about::jsonb
    from fact where node = any($1::uuid[]) and spelling is not null and current
    union all
    select node, record, null, null, null, record_id, at, rank, came_at, spelling, verified, created_at, about
    from link where node = any($1::uuid[]) and mentions and spelling is not null)
select * from (
    select mention.*, count(*) over of_node as mentions,
           count(*) filter (where verified) over of_node as verified_by,
           row_number() over (partition by node
                              order by at desc, rank desc, record_id desc, record desc, spelling collate "C" desc) as place,
           row_number() over (partition by node, verified order by at desc, rank desc, record_id desc, record desc) as of_kind
    from mention window of_node as (partition by node)) as ranked
where place <= $2 or (verified and of_kind = 1)
order by node, place;

-- name: evidence_created
-- Of each node the record that tells of the earliest creation; a record that tells of none counts last, by its time.
select distinct on (node) node, record, kind, source, enterprise, record_id, at, came_at, created_at
from (select node, record, kind, source, enterprise, record_id, at, rank, came_at, created_at
      from fact where node = any($1::uuid[]) and spelling is not null and current
      union all
      select node, record, null, null, null, record_id, at, rank, came_at, created_at
      from link where node = any($1::uuid[]) and mentions and spelling is not null) as mention
order by node, created_at nulls last, at, rank, record_id, record;

-- name: evidence_traits
-- Of each trait the newest few facts that say something of it, and how many do.
select * from (
    select fact.node, trait.key as name, fact.record, fact.kind, fact.source, fact.enterprise, fact.record_id, fact.at,
           fact.rank, fact.came_at, trait.value, count(*) over (partition by fact.node, trait.key) as facts,
           row_number() over (partition by fact.node, trait.key
                              order by at desc, rank desc, record_id desc, record desc) as place
    from fact cross join lateral json_each(fact.said -> 'traits') as trait
    where fact.node = any($1::uuid[]) and fact.current and fact.kind not in ('spread', 'transcript', 'mark', 'amendment')
      and fact.said -> 'traits' is not null) as ranked
where place <= $2;

-- name: evidence_origins
-- Of each node the earliest few facts that tell where the customer came from, and how many do.
select * from (
    select node, record, kind, source, enterprise, record_id, at, rank, came_at, said -> 'origin' as value,
           count(*) over (partition by node) as facts,
           row_number() over (partition by node order by at, rank, record_id, record) as place
    from fact where node = any($1::uuid[]) and current and kind not in ('spread', 'subscription', 'transcript', 'mark', 'amendment')
                and said -> 'origin' is not null) as ranked
where place <= $2;

-- name: evidence_calls
-- Of each node the newest few calls, the longest one and the one with the most rounds, and how many there are.
select * from (
    select call.*, count(*) over (partition by node) as facts,
           row_number() over (partition by node order by at desc, rank desc, record_id desc, record desc) as place,
           row_number() over (partition by node order by duration desc nulls last, at desc, record_id desc) as by_duration,
           row_number() over (partition by node order by rounds desc nulls last, at desc, record_id desc) as by_rounds
    from (select node, record, kind, source, enterprise, record_id, at, rank, came_at, spelling,
                 duration, city, coalesce((gathered ->> 'rounds')::integer, rounds) as rounds
          from fact where node = any($1::uuid[]) and kind = 'call' and current) as call) as ranked
where place <= $2 or by_duration = 1 or by_rounds = 1;

-- name: evidence_marks
-- Of each label as it stands the newest few calls that have it, and how many have.
select * from (
    select node, record, type, name, checked, added, deleted, at, label,
           count(*) over (partition by node, type, name, checked, added, deleted) as calls,
           row_number() over (partition by node, type, name, checked, added, deleted order by at desc, label) as place
    from summary_mark where node = any($1::uuid[])) as ranked
where place <= $2;

-- name: evidence_mark_words
-- What was said of labels on these calls, on the calls' own nodes, newest first.
select node, record, kind, source, enterprise, record_id, at, rank, came_at, said ->> 'type' as type,
       said ->> 'name' as name, coalesce(said ->> 'by', 'person') as by,
       coalesce((said ->> 'deleted')::boolean, false) as deleted, (said ->> 'second')::integer as second
from fact where node = any($1::uuid[]) and kind = 'mark' and current
order by node, at desc, rank desc, record_id desc, record desc;

-- name: evidence_activity
-- Of each type of interaction the newest few, and how many there are.
select * from (
    select node, record, kind, source, enterprise, record_id, at, rank, came_at, said ->> 'type' as type,
           coalesce(said ->> 'account', '') as account,
           count(*) over (partition by node, kind, said ->> 'type', coalesce(said ->> 'account', '')) as facts,
           row_number() over (partition by node, kind, said ->> 'type', coalesce(said ->> 'account', '')
                              order by at desc, rank desc, record_id desc, record desc) as place
    from fact where node = any($1::uuid[]) and current and kind in ('interaction', 'spread')) as ranked
where place <= $2;

-- name: evidence_follows_and_records
-- Follows and CRM records, newest first.
select node, record, kind, source, enterprise, record_id, at, rank, came_at, said
from fact where node = any($1::uuid[]) and current and kind in ('subscription', 'record')
order by at desc, rank desc, record_id desc, record desc;

-- ── all of a person ────────────────────────────────────────────────────────────────────────────────────────────────

-- name: export_facts
-- Everything said on these nodes, superseded revisions too, in the order in which it happened.
select node, record, kind, source, enterprise, record_id, at, came_at, updated_at, current, said
from fact where node = any($1::uuid[])
order by at, record, came_at, node;

-- name: export_waiting
-- What was said of these calls on their own nodes: transcripts, marks, amendments.
select node, record, kind, source, enterprise, record_id, at, came_at, updated_at, current, said
from fact where node = any($1::uuid[]) and kind in ('transcript', 'mark', 'amendment')
order by at, record, came_at, node;

-- name: export_links
-- Every link at these nodes, those that are gone too; the other end by its kind, which may be somebody else's.
select node, other, record, strength, at, came_at, suspended, null::timestamptz as gone_at
from link where node = any($1::uuid[])
union all
select node, other, record, strength, at, came_at, null, gone_at from past_link where node = any($1::uuid[])
order by came_at, record, node, other;
