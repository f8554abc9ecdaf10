-- How far the import of a file has come: written in the transaction that lands a batch, so that neither can be without
-- the other. `print`: a digest of which file it is (its place, size, time and head), as what it was read and for whom.
-- `items`, `line`: how many rows and rejects are behind, and the line of the last. `rejects_bytes`: how much of the
-- rejects file belongs to them. The counts are the file's, over all the runs that it took.

create table import_file (
    tenant        integer not null,
    print         uuid not null,
    name          text not null,
    format        text not null,
    items         bigint not null default 0,
    line          bigint not null default 0,
    rejected      bigint not null default 0,
    rejects_bytes bigint not null default 0,
    landed        bigint not null default 0,
    known         bigint not null default 0,
    started_at    timestamptz not null default now(),
    moved_at      timestamptz not null default now(),
    finished_at   timestamptz,
    primary key (tenant, print)
);
