-- name: create_tenant
insert into tenant (id, name, login_name, time_zone, key, org, main_account, settings)
values (nextval('tenant_id')::integer, $1, $2, $3, $4, $5, $6, $7)
on conflict (name) do nothing
returning id;

-- name: time_zone
-- Whether the database, which counts the days, knows a time zone that Python knows.
select name from pg_timezone_names where name = $1;

-- name: put_main_account
insert into account (id, tenant, parent) values ($1, $2, null) on conflict (tenant, id) do nothing;

-- name: set_tenant
update tenant set login_name = $2, time_zone = $3, settings = $4 where id = $1;

-- name: set_main_account
update tenant set main_account = $2 where id = $1;

-- name: move_accounts
-- Another account takes the main one's place: the old one, and all below it, stand below the new one.
update account set parent = $3 where tenant = $1 and (parent = $2 or id = $2) and id <> $3;

-- name: tenant_by_name
select * from tenant where name = $1;

-- name: tenant_by_id
select * from tenant where id = $1;

-- name: tenants
select * from tenant order by id;

-- name: accounts
-- An account and all below it.
with recursive below as (
    select id from account where id = $2 and tenant = $1
    union
    select account.id from account join below on account.parent = below.id where account.tenant = $1)
select id from below;

-- name: account
select id, parent from account where tenant = $1 and id = $2;

-- name: create_key
insert into access_key (id, tenant, dialect, name, secret, digest, account, permissions, rate, options)
values (nextval('access_key_id'), $1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id;

-- name: keys
select key.id, tenant.name as tenant, key.dialect, key.name, key.account, key.permissions, key.rate, key.options,
       key.readings, key.created_at, key.revoked_at
from access_key as key join tenant on tenant.id = key.tenant
where $1::text is null or tenant.name = $1
order by key.id;

-- name: revoke_key
update access_key set revoked_at = now() where name = $1 and revoked_at is null returning id;

-- name: key_by_name
select * from usable_key where dialect = $1 and key_name = $2;

-- name: key_by_digest
select * from usable_key where dialect = $1 and digest = $2;

-- name: key_by_access_token
-- The key that a token stands for, while the token lives.
select usable_key.* from access_token as token join usable_key on usable_key.key_id = token.access_key
where usable_key.dialect = $1 and token.digest = $2 and token.purpose = $3 and token.expires_at > now();

-- name: put_access_tokens
insert into access_token (digest, access_key, purpose, expires_at)
select token.digest, $1, token.purpose, now() + make_interval(secs => token.seconds)
from unnest($2::bytea[], $3::text[], $4::double precision[]) as token (digest, purpose, seconds);

-- name: drop_access_token
delete from access_token where digest = $1 returning digest;

-- name: drop_expired_tokens
delete from access_token where access_key = $1 and expires_at < now();

-- name: pass_gate
-- One call every so many seconds, counted from the last accepted one, over all processes.
insert into gate as had (access_key, accepted_at) values ($1, clock_timestamp())
on conflict (access_key) do update set accepted_at = clock_timestamp()
    where had.accepted_at <= clock_timestamp() - make_interval(secs => $2::double precision)
returning accepted_at;

-- name: note_reading
update access_key set readings = array_append(readings, $2) where id = $1 and not readings @> array[$2];

-- name: viewed_at
select viewed_at from view where id = $1 and tenant = $2;

-- name: put_views
-- At most one view a minute is kept of each.
insert into view as had (id, tenant, viewed_at)
select new.id, new.tenant, new.viewed_at from unnest($1::uuid[], $2::integer[], $3::timestamptz[])
     as new (id, tenant, viewed_at)
order by new.tenant, new.id
on conflict (tenant, id) do update set viewed_at = excluded.viewed_at
    where had.viewed_at <= excluded.viewed_at - interval '1 minute';

-- name: counts
-- What a tenant has, for doctor.
select (select count(*) from record where tenant = $1) as records,
       (select count(*) from node where tenant = $1) as nodes,
       (select count(distinct customer) from node where tenant = $1) as customers,
       (select count(*) from link where tenant = $1 and suspended is not null and node < other) as suspended;

-- name: alive
select 1 as alive;
