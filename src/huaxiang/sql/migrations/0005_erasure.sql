-- Erasure: what stays of somebody who is gone. No value of theirs does.

-- Keyed marks of erased records: what keeps a redelivery of the very same record out. Pseudonymous data: whoever has the
-- tenant's key can test a guess against a mark. Only where the tenant wants them (`erasure_marks`).
create table erased (
    key    uuid primary key,
    tenant integer not null,
    at     timestamptz not null default now()
);
create index erased_tenant on erased (tenant);

-- The number of an erased identifier leads on while others of its customer live: to the smallest of those.
create table leads_on (
    tenant integer not null,
    number bigint not null,
    onward bigint not null,
    primary key (tenant, number)
);
create index leads_on_onward on leads_on (tenant, onward);

-- Who erased whom (by a number that is unknown now), when and why, and how much went.
create sequence erasure_number;
create table erasure (
    tenant   integer not null,
    number   bigint not null,
    at       timestamptz not null default now(),
    customer bigint not null,
    author   text not null,
    reason   text not null,
    counts   jsonb not null,
    primary key (tenant, number)
);
