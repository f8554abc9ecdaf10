-- Sub-enterprises under a tenant: which of them the facts of a node name.

-- '' where a fact names none. Only of tenants that have sub-enterprises (`companies` in their settings).
create table summary_company (
    node    uuid not null,
    company text collate "C" not null,
    tenant  integer not null,
    primary key (node, company)
);
create index summary_company_of on summary_company (tenant, company, node);
