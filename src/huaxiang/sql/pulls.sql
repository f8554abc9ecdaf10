-- Pulls: how far they have come, and what stands of what they told before.

-- name: begin_pull
-- A pull that nobody has begun, or whose last run has ended, begins; any other goes on from where it stands.
insert into pull as had (tenant, print, dialect, address) values ($1, $2, $3, $4)
on conflict (tenant, print) do update
    set place = null, told = 0, landed = 0, known = 0, rejected = 0, started_at = now(), moved_at = now(),
        finished_at = null
    where had.finished_at is not null or $5::boolean;

-- name: pull_place
-- Where a pull stands.
select place, steps, told, landed, known, rejected, started_at from pull where tenant = $1 and print = $2;

-- name: move_pull
-- On to a place, from the step at which this run stood: nobody else has moved it, or no row comes back.
update pull
set place = $4::jsonb, steps = steps + 1, told = told + $5, landed = landed + $6, known = known + $7,
    rejected = rejected + $8, moved_at = now(), finished_at = case when $9::boolean then now() end
where tenant = $1 and print = $2 and steps = $3 and finished_at is null
returning steps;

-- name: standing_facts
-- What these records ($2, on the nodes $1) say now.
select fact.record, fact.said
from fact join unnest($1::uuid[], $2::uuid[]) as wanted (node, record)
     on fact.node = wanted.node and fact.record = wanted.record
where fact.current and fact.kind <> 'spread';

-- name: told_facts
-- What pulls from a source ($2) told of these nodes ($1), as far as it stands.
select record, said from fact
where node = any($1::uuid[]) and current and source = $2 and kind <> 'spread'
  and record_id >= 'pull:' and record_id < 'pull;';

-- name: told_ids
-- Ids of a vendor's, of so many digits ($2 to $4, with the digits $3 to $5; the first end left out), ascending, that a
-- record mentions; at most $6.
select node.value
from node join summary_identity as identity using (node)
where node.tenant = $1 and node.kind = 'audience_id'
  and (length(node.value), node.value collate "C") > ($2::integer, $3::text)
  and (length(node.value), node.value collate "C") <= ($4::integer, $5::text)
  and node.value collate "C" ~ '^[1-9][0-9]*$'
order by length(node.value), node.value collate "C"
limit $6;

-- name: adopt_org
-- A tenant answers under the name of the enterprise that it came from.
with noted as (
    insert into version as had (tenant, part, number) values ($1, 'settings', 1)
    on conflict (tenant, part) do update set number = had.number + 1)
update tenant set org = $2 where id = $1;

-- name: has_key
-- Whether a key of a dialect was ever made, so that somebody may have stored what it answered.
select exists (select from access_key where tenant = $1 and dialect = $2)
       and exists (select from record where tenant = $1) as any;

-- name: put_parents
-- Accounts stand below these.
with put as (
    insert into account as had (tenant, id, parent)
    select $1, new.id, new.parent from unnest($2::uuid[], $3::uuid[]) as new (id, parent)
    order by new.id
    on conflict (tenant, id) do update set parent = excluded.parent
        where had.parent is distinct from excluded.parent
    returning tenant)
insert into version as had (tenant, part, number) select distinct tenant, 'accounts', 1 from put
on conflict (tenant, part) do update set number = had.number + 1;

-- name: pulled_records
-- The CRM records of a source that a pull for an account brought, as far as nothing else was said of them since.
select said ->> 'record' as name from fact
where tenant = $1 and source = $2 and kind = 'record' and current and said #>> '{details,pulled}' = $3;
