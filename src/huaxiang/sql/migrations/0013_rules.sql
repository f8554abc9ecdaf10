-- The quality check: the rules of a tenant, every version of them, and which version its calls are under.

-- `document`: the rules as the program reads them; `text`: as a person wrote them.
create table ruleset (
    tenant   integer not null,
    version  text not null,
    came_at  timestamptz not null default now(),
    author   text not null,
    document json not null,
    text     text not null,
    primary key (tenant, version)
);

-- Calls are under `version`; while it takes over, those behind the place (`upto_node`, `upto_record`) are still under
-- `before`, and under no rules where that is null. The place is null once it has taken over from all.
create table rules_in_force (
    tenant      integer primary key,
    version     text,
    before      text,
    upto_node   uuid,
    upto_record uuid,
    author      text not null,
    begun_at    timestamptz not null,
    finished_at timestamptz
);

-- Which version was put in force when, and by whom.
create table rules_applied (
    tenant  integer not null,
    number  bigint not null,
    at      timestamptz not null default now(),
    version text,
    author  text not null,
    primary key (tenant, number)
);
create sequence rules_applied_number;
