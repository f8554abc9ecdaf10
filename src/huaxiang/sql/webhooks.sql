-- Who is told of changed tags: webhooks, what waits to be sent, and what became of it.

-- name: put_webhook
insert into webhook (id, tenant, access_key, url, secret) values (nextval('webhook_id'), $1, $2, $3, $4) returning id;

-- name: set_webhook
update webhook set url = coalesce($2, url), paused = coalesce($3, paused) where id = $1 returning id;

-- name: drop_webhook
-- With all that waited, and the log.
with attempts as (delete from webhook_attempt where webhook = $1),
     deliveries as (delete from webhook_delivery where webhook = $1)
delete from webhook where id = $1 returning tenant;

-- name: webhooks
-- All of them, or a tenant's, with how much waits and was given up.
select webhook.id, tenant.name as tenant, key.name as app, webhook.url, webhook.paused, webhook.created_at,
       key.revoked_at is null and 'tags' = any(key.permissions) as permitted,
       coalesce(told.waiting, 0) as waiting, coalesce(told.given_up, 0) as given_up
from webhook
join tenant on tenant.id = webhook.tenant
join access_key as key on key.id = webhook.access_key
left join (select webhook, count(*) filter (where state = 'waiting') as waiting,
                  count(*) filter (where state = 'given_up') as given_up
           from webhook_delivery group by webhook) as told on told.webhook = webhook.id
where $1::text is null or tenant.name = $1
order by webhook.id;

-- name: webhooks_of_tenant
-- Those that may be told, with their keys; for one that is paused, it waits.
select webhook.id as webhook, usable_key.*
from webhook join usable_key on usable_key.key_id = webhook.access_key
where webhook.tenant = $1 and 'tags' = any(usable_key.permissions)
order by webhook.id;

-- name: webhooks_left
select count(*) as left from webhook where tenant = $1;

-- name: webhook_log
-- What was told, and is to be, the newest first, with the last attempt of each.
select delivery.number, delivery.event, delivery.state, delivery.attempts, delivery.created_at, delivery.next_at,
       delivery.ended_at, last.at, last.ms, last.status, last.outcome
from webhook_delivery as delivery
left join lateral (select at, ms, status, outcome from webhook_attempt as attempt
                   where attempt.webhook = delivery.webhook and attempt.number = delivery.number
                   order by at desc limit 1) as last on true
where delivery.webhook = $1 and ($2::text is null or delivery.state = $2)
order by delivery.number desc limit $3;

-- name: webhook_attempts
select at, ms, status, outcome from webhook_attempt where webhook = $1 and number = $2 order by at;

-- name: webhook_send
-- Send these again, or all that were given up, as if nothing had been tried.
update webhook_delivery set state = 'waiting', attempts = 0, next_at = now(), ended_at = null
where webhook = $1 and state <> 'waiting' and (number = any($2::bigint[]) or $3 and state = 'given_up')
returning number;

-- ── what has changed ──────────────────────────────────────────────────────────────────────────────────────────────

-- name: hold_watch
-- One at a time compares a tenant's customers; who comes in between goes away again.
select pg_try_advisory_xact_lock(7284, $1::integer) as held;

-- name: await_watch
select pg_advisory_xact_lock(7284, $1::integer);

-- name: put_watch
insert into tag_watch (tenant, upto, settings) values ($1, $2, $3)
on conflict (tenant) do update set upto = excluded.upto, settings = excluded.settings;

-- name: drop_watch
with told as (delete from tag_told where tenant = $1)
delete from tag_watch where tenant = $1;

-- name: watched
-- How far the feed was read, and under which settings; and which there are now.
select watch.upto, watch.settings,
       coalesce((select number from version where version.tenant = $1 and part = 'settings'), 0) as settings_now
from tag_watch as watch where watch.tenant = $1;

-- name: settings_version
select coalesce((select number from version where tenant = $1 and part = 'settings'), 0) as number;

-- name: tagged_customers
-- Customers of whom tags are told, after one of them, at most so many.
select distinct node.customer
from node join summary_trait as trait on trait.node = node.node
where node.tenant = $1 and node.customer > $2
  and (trait.name >= 'tag:' and trait.name < 'tag;' or trait.name >= 'tag_value:' and trait.name < 'tag_value;')
order by node.customer limit $3;

-- name: told_after
select distinct customer from tag_told where tenant = $1 and customer > $2 order by customer limit $3;

-- name: told_of
select mark, digest from tag_told where tenant = $1 and mark = any($2::bytea[]);

-- name: put_told
insert into tag_told (tenant, mark, customer, digest)
select $1, new.mark, new.customer, new.digest
from unnest($2::bytea[], $3::bigint[], $4::bytea[]) as new (mark, customer, digest) order by 2
on conflict (tenant, mark) do update set customer = excluded.customer, digest = excluded.digest;

-- name: drop_told
delete from tag_told where tenant = $1 and mark = any($2::bytea[]);

-- name: erase_told
-- Of customers of whom something was erased no id is kept, not as a digest either.
with deliveries as (
    update webhook_delivery set mark = null where tenant = $1 and customer = any($2::bigint[]) and mark is not null)
delete from tag_told where tenant = $1 and customer = any($2::bigint[]);

-- name: put_deliveries
-- One to each webhook and customer; one that waits and was never tried will tell the same, as it is made when it is sent.
insert into webhook_delivery (webhook, number, tenant, event, customer, company, mark)
select new.webhook, nextval('webhook_delivery_number'), $1, new.event, new.customer, new.company, new.mark
from unnest($2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::bytea[]) with ordinality
     as new (webhook, event, customer, company, mark, place)
where not exists (select from webhook_delivery as had
                  where had.webhook = new.webhook and had.customer = new.customer and had.company = new.company
                    and had.mark = new.mark and had.state = 'waiting' and had.attempts = 0)
order by new.place;

-- name: turn_deliveries
-- What waits to be told under an id goes by whoever answers under it now.
update webhook_delivery as delivery set customer = new.customer
from unnest($2::bytea[], $3::bigint[]) as new (mark, customer)
where delivery.tenant = $1 and delivery.state = 'waiting' and delivery.mark = new.mark
  and delivery.customer <> new.customer;

-- ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────

-- name: webhook_work
-- Tenants whose feed has gone on, and webhooks that have something due and that nobody holds, longest ago first.
select 'watch' as what, watch.tenant::bigint as id, '-infinity'::timestamptz as since
from tag_watch as watch
where watch.upto < (select max(change.number) from change where change.tenant = watch.tenant)
   or watch.settings <> coalesce((select number from version where version.tenant = watch.tenant and part = 'settings'), 0)
union all
select 'send', webhook.id, webhook.held_until
from webhook join usable_key on usable_key.key_id = webhook.access_key
where not webhook.paused and 'tags' = any(usable_key.permissions) and webhook.held_until < now()
  and exists (select from webhook_delivery as delivery
              where delivery.webhook = webhook.id and delivery.state = 'waiting' and delivery.next_at <= now())
order by since, id;

-- name: hold_webhook
-- For so many seconds; nobody else gets it meanwhile.
update webhook set holder = $2, held_until = now() + make_interval(secs => $3::double precision)
where id = $1 and (holder = $2 or held_until < now()) returning id;

-- name: release_webhook
-- From when on tells whose turn is next.
update webhook set holder = null, held_until = now() where id = $1 and holder = $2;

-- name: held_webhook
-- A webhook that is held, with its key, while both are in use.
select webhook.id as webhook, webhook.url, webhook.secret as webhook_secret, usable_key.*
from webhook join usable_key on usable_key.key_id = webhook.access_key
where webhook.id = $1 and webhook.holder = $2 and not webhook.paused and 'tags' = any(usable_key.permissions);

-- name: take_deliveries
-- What is due, of each customer only the earliest: what follows waits until that is delivered or given up. Whoever takes
-- one has tried it, whatever becomes of him.
with due as materialized (
    select number from webhook_delivery as delivery
    where webhook = $1 and state = 'waiting' and next_at <= now()
      and not exists (select from webhook_delivery as earlier
                      where earlier.webhook = $1 and earlier.customer = delivery.customer
                        and earlier.state = 'waiting' and earlier.number < delivery.number)
    order by next_at, number limit $2)
update webhook_delivery as delivery set attempts = attempts + 1 from due
where delivery.webhook = $1 and delivery.number = due.number
returning delivery.number, delivery.event, delivery.customer, delivery.company, delivery.mark, delivery.created_at,
          delivery.attempts;

-- name: put_attempts
insert into webhook_attempt (webhook, number, at, ms, status, outcome)
select $1, new.number, new.at, new.ms, new.status, new.outcome
from unnest($2::bigint[], $3::timestamptz[], $4::integer[], $5::integer[], $6::text[])
     as new (number, at, ms, status, outcome)
on conflict do nothing;

-- name: settle_deliveries
-- How these stand now; one that waits is tried again after so many seconds.
update webhook_delivery as delivery
set state = new.state, mark = case when new.state = 'waiting' then delivery.mark end, next_at = now() + make_interval(secs => new.seconds),
    ended_at = case when new.state = 'waiting' then null else now() end
from unnest($2::bigint[], $3::text[], $4::double precision[]) as new (number, state, seconds)
where delivery.webhook = $1 and delivery.number = new.number and delivery.state = 'waiting';

-- name: forget_deliveries
-- What is over for so many days, and its attempts.
with gone as (
    delete from webhook_delivery where state <> 'waiting' and ended_at < now() - make_interval(days => $1::integer)
    returning webhook, number)
delete from webhook_attempt as attempt using gone
where attempt.webhook = gone.webhook and attempt.number = gone.number;
