-- Who is told when a customer's tags change, of what, and what became of it.

-- Where an app is told. `secret` signs, and is kept as it is. `holder` is the worker that sends until `held_until`.
create table webhook (
    id         bigint primary key,
    tenant     integer not null,
    access_key bigint not null,
    url        text not null,
    secret     text not null,
    paused     boolean not null default false,
    created_at timestamptz not null default now(),
    holder     uuid,
    held_until timestamptz not null default '-infinity'
);
create sequence webhook_id;

-- How far the feed of a tenant with webhooks was read, and under which settings its customers were compared.
create table tag_watch (
    tenant   integer primary key,
    upto     bigint not null,
    settings bigint not null
);

-- What apps were told last, or will be, of the tags of whoever answers under an id: both as keyed digests, the id's and the
-- tags'. `customer` answered under it then. An empty digest: something else may have been told. Without tags, no row.
create table tag_told (
    tenant   integer not null,
    mark     bytea not null,
    customer bigint not null,
    digest   bytea not null,
    primary key (tenant, mark)
);
create index tag_told_customer on tag_told (tenant, customer);

-- What is to be told, and was; what it says is made when it is sent, and not kept. `state`: waiting, delivered, given_up,
-- void (the customer is known no more). `event` names it to the receiver; `mark`: under which id it was to be told, as a
-- keyed digest, until it is over.
create table webhook_delivery (
    webhook    bigint not null,
    number     bigint not null,
    tenant     integer not null,
    event      uuid not null,
    customer   bigint not null,
    company    text not null,
    mark       bytea,
    state      text not null default 'waiting',
    attempts   integer not null default 0,
    created_at timestamptz not null default now(),
    next_at    timestamptz not null default now(),
    ended_at   timestamptz,
    primary key (webhook, number)
);
create index webhook_delivery_due on webhook_delivery (webhook, next_at, number) where state = 'waiting';
create index webhook_delivery_first on webhook_delivery (webhook, customer, number) where state = 'waiting';
create index webhook_delivery_mark on webhook_delivery (tenant, mark) where state = 'waiting';
create sequence webhook_delivery_number;

-- Each time that one was sent: how long it took, what status came back, and what became of it.
create table webhook_attempt (
    webhook bigint not null,
    number  bigint not null,
    at      timestamptz not null,
    ms      integer not null,
    status  integer,
    outcome text not null,
    primary key (webhook, number, at)
);
