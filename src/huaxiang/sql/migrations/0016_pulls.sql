-- A vendor, or another server of this house, as a source: how far a pull has come, and ids that never meet.

-- Where the ids begin that a tenant gives to customers of its own: each new tenant has a slot of that range, so that
-- the ids of one house can be taken in by another. Tenants made before have the first.
alter table tenant add column slot integer not null default 0;
drop view usable_key;
create view usable_key as
select key.id as key_id, key.dialect, key.name as key_name, key.secret, key.digest, key.account, key.permissions,
       key.rate, key.options, key.readings, tenant.*
from access_key as key join tenant on tenant.id = key.tenant
where key.revoked_at is null;

-- How far a pull has come, written in the transaction that lands what lies before. `print`: a digest of whose it is and
-- where it pulls from. `place`: where it goes on, in the words of its dialect; null at the beginning, and at the end.
-- `steps` counts the moves, so that two at once can't both make one. The other counts are the run's.
create table pull (
    tenant      integer not null,
    print       uuid not null,
    dialect     text not null,
    address     text not null,
    place       jsonb,
    steps       bigint not null default 0,
    told        bigint not null default 0,
    landed      bigint not null default 0,
    known       bigint not null default 0,
    rejected    bigint not null default 0,
    started_at  timestamptz not null default now(),
    moved_at    timestamptz not null default now(),
    finished_at timestamptz,
    primary key (tenant, print)
);

-- Calls follow each other by the time they happened, then by their names: the same in every house that has them.
drop index fact_call_at;
create index fact_call_at on fact (tenant, at, record_id, (enterprise collate "C")) where kind = 'call' and current;
