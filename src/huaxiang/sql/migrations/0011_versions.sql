-- What a worker may remember, and for how long.

-- A number for each part of what a tenant is beside its facts: its keys, settings, accounts, fields and cuts. Whatever
-- changes one counts it up in the same transaction; so whoever remembers the sum knows whether all of it still holds.
create table version (
    tenant integer not null,
    part   text not null,
    number bigint not null,
    primary key (tenant, part)
);

-- Follows and CRM records are served from their facts: found without walking the calls of a busy number.
create index fact_served on fact (node) where current and kind in ('subscription', 'record');

-- Views are written again and again: room on their pages keeps that off the index.
alter table view set (fillfactor = 70);
