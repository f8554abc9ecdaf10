-- Likely matches that no identifier proves: pairs of customers, each named by its oldest node when the pair was found.
-- Beside them stands what a person answered. `parts`: which columns spoke for and against it, and how much; no value.
-- `number`: the order in which they are shown, the weightiest of a run first.

create sequence suggestion_number;
create table suggestion (
    tenant      integer not null,
    one_node    uuid not null,
    other_node  uuid not null,
    number      bigint not null,
    weight      double precision not null,
    probability double precision not null,
    parts       jsonb not null,
    state       text not null default 'open',
    run_at      timestamptz not null,
    author      text,
    reason      text,
    at          timestamptz,
    decision    text,
    primary key (tenant, one_node, other_node)
);
create index suggestion_page on suggestion (tenant, state, number);
