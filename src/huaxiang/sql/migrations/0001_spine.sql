-- The spine: tenants and their keys, the registry of records, facts, nodes, links, and the summaries of each node.
--
-- Tables that carry `node` are distributed by it on a cluster and colocated, `record` by its key; all others are small
-- and become reference tables. So: no foreign key between them, no unique constraint without the distribution column,
-- and no statement that changes one. Texts that decide an order are compared by bytes (collate "C").

-- ── tenants, keys, settings: small ─────────────────────────────────────────────────────────────────────────────────

create table tenant (
    id           integer primary key,
    name         text not null unique,
    login_name   text not null,
    time_zone    text not null,
    key          bytea not null,
    org          uuid not null,
    main_account uuid not null,
    settings     jsonb not null,
    created_at   timestamptz not null default now()
);

-- A credential. Only what the holder sends is looked up: `name` in clear, tokens and secrets as digests, but for
-- `secret`, which signing needs as it is (tinet).
create table access_key (
    id          bigint primary key,
    tenant      integer not null,
    dialect     text not null,
    name        text not null,
    secret      text,
    digest      bytea,
    account     uuid,
    permissions text[] not null,
    rate        double precision,
    options     jsonb not null,
    readings    text[] not null default '{}',
    created_at  timestamptz not null default now(),
    revoked_at  timestamptz,
    unique (dialect, name)
);
create index access_key_digest on access_key (digest);
create sequence access_key_id;
create sequence tenant_id;

-- A key that may be used, with its tenant.
create view usable_key as
select key.id as key_id, key.dialect, key.name as key_name, key.secret, key.digest, key.account, key.permissions,
       key.rate, key.options, key.readings, tenant.*
from access_key as key join tenant on tenant.id = key.tenant
where key.revoked_at is null;

-- Tokens that a dialect hands out against a key, as digests.
create table access_token (
    digest     bytea primary key,
    access_key bigint not null,
    purpose    text not null,
    expires_at timestamptz not null
);

-- When a key's last call was accepted: the rate is counted here, for all processes.
create table gate (
    access_key  bigint primary key,
    accepted_at timestamptz not null
);

-- Accounts of a CRM: those below a tenant's main account. Their ids are the vendor's, and each tenant has its own.
create table account (
    id     uuid not null,
    tenant integer not null,
    parent uuid,
    primary key (tenant, id)
);

-- Definitions of custom fields, newest wins.
create table custom_field (
    tenant     integer not null,
    id         uuid not null,
    owner      text not null,
    sort       integer not null,
    updated_at timestamptz not null,
    details    jsonb not null,
    primary key (tenant, id)
);

-- Where an identifier changed hands: its node is another one from each of these times on.
create table cut (
    tenant integer not null,
    kind   text not null,
    value  text not null,
    scope  text not null,
    at     timestamptz not null,
    primary key (tenant, kind, value, scope, at)
);

-- When a record was last looked at, by dialect id; no fact, kept out of every rebuild.
create table view (
    id        uuid not null,
    tenant    integer not null,
    viewed_at timestamptz not null,
    primary key (tenant, id)
);

-- ── what the sources said ──────────────────────────────────────────────────────────────────────────────────────────

-- The registry: which revision of a record won, and every node that the record touches, its own first.
create table record (
    key        uuid primary key,
    tenant     integer not null,
    updated_at timestamptz,
    digest     bytea not null,
    given_at   timestamptz not null,
    nodes      uuid[] not null
);

-- Every revision of everything said, on the node that it hangs on; `current` is the winner. `said` is the fact as it
-- came; `record_id` and `at` are the source's, or given at arrival. `gathered` is what a call gathered from its
-- transcripts and marks. `spelling`, `verified`, `about`, `created_at`: what the record says of the node's identifier.
create table fact (
    node       uuid not null,
    record     uuid not null,
    kind       text not null,
    digest     bytea not null,
    tenant     integer not null,
    current    boolean not null,
    at         timestamptz not null,
    rank       integer not null,
    record_id  text collate "C" not null,
    source     text not null,
    enterprise text not null,
    updated_at timestamptz,
    came_at    timestamptz not null,
    created_at timestamptz,
    spelling   text,
    verified   boolean not null,
    about      jsonb,
    said       jsonb not null,
    gathered   jsonb,
    primary key (node, record, kind, digest)
);

-- ── who is who ─────────────────────────────────────────────────────────────────────────────────────────────────────

create sequence node_number;

-- An identifier's place. `customer`: the smallest number of the customer that it belongs to. `island`: the smallest
-- number of all that its links reach, suspended ones too. `hub`: more neighbours than its limit, so it joins nobody.
create table node (
    node     uuid primary key,
    tenant   integer not null,
    number   bigint not null,
    kind     text not null,
    value    text not null,
    scope    text not null,
    epoch    integer not null,
    hub      boolean not null default false,
    customer bigint not null,
    island   bigint not null
);
create index node_number_of on node (number);
create index node_customer on node (customer);
create index node_island on node (island);

-- Two nodes are one customer, says a record: a row at each end. strength: 3 a person, 2 verified, 1 stated, 0 names an
-- identifier that identifies nobody, and never joins. `mentions`: the row carries what the record says of `node`.
create table link (
    node       uuid not null,
    other      uuid not null,
    record     uuid not null,
    tenant     integer not null,
    other_kind text not null,
    strength   smallint not null,
    at         timestamptz not null,
    rank       integer not null,
    record_id  text collate "C" not null,
    mentions   boolean not null,
    spelling   text,
    verified   boolean not null,
    about      jsonb,
    created_at timestamptz,
    suspended  text,
    primary key (node, other, record)
);

-- A person's parting: no customer holds nodes of both sides.
create table apart (
    node   uuid not null,
    record uuid not null,
    side   smallint not null,
    tenant integer not null,
    at     timestamptz not null,
    primary key (node, record, side)
);

-- ── what a node's facts add up to ──────────────────────────────────────────────────────────────────────────────────
-- (at, rank, record_id, record) is the order of «newest» everywhere.

create table summary_identity (
    node      uuid primary key,
    tenant    integer not null,
    at        timestamptz not null,
    rank      integer not null,
    record_id text collate "C" not null,
    record    uuid not null,
    spelling  text not null,
    verified  boolean not null,
    first_at   timestamptz not null,
    created_at timestamptz
);

create table summary_call (
    node         uuid primary key,
    tenant       integer not null,
    calls        bigint not null,
    durations    bigint not null,
    duration_sum bigint not null,
    duration_max integer,
    rounds       bigint not null,
    round_sum    bigint not null,
    round_max    integer,
    at           timestamptz not null,
    rank         integer not null,
    record_id    text collate "C" not null,
    record       uuid not null,
    spelling     text collate "C" not null,
    city         text
);
create index summary_call_page on summary_call (tenant, spelling desc, node);

create table summary_mark (
    node    uuid not null,
    record  uuid not null,
    type    text collate "C" not null,
    name    text collate "C" not null,
    checked boolean not null,
    added   boolean not null,
    deleted boolean not null,
    second  integer,
    at      timestamptz not null,
    label   text collate "C" not null,
    primary key (node, record, type, name)
);

create table summary_trait (
    node      uuid not null,
    name      text collate "C" not null,
    at        timestamptz not null,
    rank      integer not null,
    record_id text collate "C" not null,
    record    uuid not null,
    value     jsonb not null,
    primary key (node, name)
);

create table summary_origin (
    node      uuid primary key,
    at        timestamptz not null,
    rank      integer not null,
    record_id text collate "C" not null,
    record    uuid not null,
    value     jsonb not null
);

create table summary_activity (
    node      uuid not null,
    side      text not null,
    day       date not null,
    type      text collate "C" not null,
    account   text collate "C" not null,
    count     bigint not null,
    newest_at timestamptz not null,
    primary key (node, side, day, type, account)
);
