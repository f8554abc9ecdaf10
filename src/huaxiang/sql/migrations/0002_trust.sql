-- What an operator needs to trust who is who: since when a link is known, what was linked before, what has changed.

-- When the record that says so came. Links that are gone are kept, with the time they went, so that what a customer was
-- on any past day can be told; nothing that is served is made from them.
alter table link add column came_at timestamptz not null default '-infinity';
alter table apart add column came_at timestamptz not null default '-infinity';

create table past_link (
    node      uuid not null,
    other     uuid not null,
    record    uuid not null,
    tenant    integer not null,
    strength  smallint not null,
    at        timestamptz not null,
    rank      integer not null,
    record_id text collate "C" not null,
    came_at   timestamptz not null,
    gone_at   timestamptz not null,
    primary key (node, other, record, gone_at)
);

create table past_apart (
    node    uuid not null,
    record  uuid not null,
    side    smallint not null,
    tenant  integer not null,
    at      timestamptz not null,
    came_at timestamptz not null,
    gone_at timestamptz not null,
    primary key (node, record, side, gone_at)
);

-- What became of customers, in order: joined (`customer` now leads to `other`), parted (`customer` is one again, and was
-- `other` before), updated, erased. Written under the tenant's lock, so that the order of numbers is that of commits.
create sequence change_number;
create table change (
    tenant   integer not null,
    number   bigint not null,
    at       timestamptz not null default now(),
    what     text not null,
    customer bigint not null,
    other    bigint,
    primary key (tenant, number)
);
create index change_customer on change (tenant, customer);
create index change_other on change (tenant, other) where other is not null;

-- What is kept of an island, so that links that come need no second look at all of it. A single node has no row.
create table island (
    label     bigint primary key,
    tenant    integer not null,
    size      integer not null,
    state     text not null,
    weakest   smallint not null,
    strongest smallint not null,
    kinds     jsonb not null
);
