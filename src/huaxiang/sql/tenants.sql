-- name: create_tenant
insert into tenant (id, name, login_name, time_zone, key, org, main_account, settings, slot)
values (nextval('tenant_id')::integer, $1, $2, $3, $4, $5, $6, $7, $8)
on conflict (name) do nothing
returning id;

-- name: time_zone
-- Whether the database, which counts the days, knows a time zone that Python knows.
select name from pg_timezone_names where name = $1;

-- name: put_main_account
with noted as (
    insert into version as had (tenant, part, number) values ($2, 'accounts', 1)
    on conflict (tenant, part) do update set number = had.number + 1)
insert into account (id, tenant, parent) values ($1, $2, null) on conflict (tenant, id) do nothing;

-- name: set_tenant
with noted as (
    insert into version as had (tenant, part, number) values ($1, 'settings', 1)
    on conflict (tenant, part) do update set number = had.number + 1)
update tenant set login_name = $2, time_zone = $3, settings = $4 where id = $1;

-- name: set_main_account
with noted as (
    insert into version as had (tenant, part, number) values ($1, 'settings', 1)
    on conflict (tenant, part) do update set number = had.number + 1)
update tenant set main_account = $2 where id = $1;

-- name: move_accounts
-- Another account takes the main one's place: the old one, and all below it, stand below the new one.
with noted as (
    insert into version as had (tenant, part, number) values ($1, 'accounts', 1)
    on conflict (tenant, part) do update set number = had.number + 1)
update account set parent = $3 where tenant = $1 and (parent = $2 or id = $2) and id <> $3;

-- name: tenant_by_name
select * from tenant where name = $1;

-- name: tenant_by_id
select * from tenant where id = $1;

-- name: tenants
select * from tenant order by id;

-- name: versions
-- At which version these tenants are; the sum of their parts' numbers, since each only grows.
select asked.tenant, coalesce(sum(version.number), 0)::bigint as number
from unnest($1::integer[]) as asked (tenant) left join version on version.tenant = asked.tenant
group by asked.tenant;

-- name: accounts_of_tenant
select id, parent from account where tenant = $1;

-- name: fields_of_tenant
-- But for those that are deleted.
select id, owner, sort, updated_at, details from custom_field
where tenant = $1 and details -> 'deleted' is distinct from 'true'::jsonb
order by owner, sort, id;

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

-- name: key_of_name
-- A living key, held until the transaction ends.
select id, tenant, dialect, permissions, rate, options from access_key where name = $1 and revoked_at is null for update;

-- name: set_key
with changed as (
    update access_key set permissions = $2, rate = $3, options = $4 where id = $1 returning tenant),
noted as (
    insert into version as had (tenant, part, number) select distinct tenant, 'keys', 1 from changed
    on conflict (tenant, part) do update set number = had.number + 1)
select tenant from changed;

-- name: revoke_key
with revoked as (
    update access_key set revoked_at = now() where name = $1 and revoked_at is null returning id, tenant),
noted as (
    insert into version as had (tenant, part, number) select distinct tenant, 'keys', 1 from revoked
    on conflict (tenant, part) do update set number = had.number + 1)
select id from revoked;

-- name: key_by_name
select * from usable_key where dialect = $1 and key_name = $2;

-- name: key_by_digest
select * from usable_key where dialect = $1 and digest = $2;

-- name: key_by_access_token
-- The key that a token stands for, while the token lives, and for how many seconds more that is.
select usable_key.*, extract(epoch from token.expires_at - now())::double precision as ends_in
from access_token as token join usable_key on usable_key.key_id = token.access_key
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

-- name: pass_call_gate
-- So many calls of a kind ($2, $3) in so many seconds, over all processes; a refused one does not count.
insert into gate_call as had (access_key, call, accepted_at) values ($1, $2, array[clock_timestamp()])
on conflict (access_key, call) do update
    set accepted_at = (had.accepted_at || clock_timestamp())[greatest(cardinality(had.accepted_at) + 2 - $3::integer, 1):]
    where cardinality(had.accepted_at) < $3::integer
       or had.accepted_at[cardinality(had.accepted_at) + 1 - $3::integer]
          <= clock_timestamp() - make_interval(secs => $4::double precision)
returning access_key;

-- name: note_reading
update access_key set readings = array_append(readings, $2) where id = $1 and not readings @> array[$2];

-- name: viewed_at
select viewed_at from view where id = $1 and tenant = $2;

-- name: views
-- The same of many, those that nobody viewed included.
select asked.tenant, asked.id,
       (select viewed_at from view where view.tenant = asked.tenant and view.id = asked.id) as viewed_at
from unnest($1::integer[], $2::uuid[]) as asked (tenant, id);

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

-- name: keys_of_company
-- Living keys that are of a sub-enterprise, or may act for it by its id.
select name from access_key
where tenant = $1 and revoked_at is null
  and (options ->> 'company' = $2 or options -> 'companies' @> to_jsonb($2::text)) order by id;

-- name: customers_of_companies
select company.company, count(distinct node.customer) as customers
from summary_company as company join node on node.node = company.node
where company.tenant = $1 and company.company <> '' group by company.company;
