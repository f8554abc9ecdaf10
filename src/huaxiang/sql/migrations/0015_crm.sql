-- CRM records by themselves: by their own id there, and by the digits of their phone.
create index fact_crm_record on fact (tenant, source, (said ->> 'record'), at desc)
    where kind = 'record' and current;
create index fact_crm_phone on fact
    (tenant, source, (left(regexp_replace(said #>> '{details,phone}', '[^0-9]', '', 'g'), 32)))
    where kind = 'record' and current;

-- What the ids of a CRM's dictionaries (source, industry, grade) mean to an account.
create table dictionary (
    tenant  integer not null,
    account uuid not null,
    kind    text not null,
    id      bigint not null,
    name    text not null,
    primary key (tenant, account, kind, id)
);
