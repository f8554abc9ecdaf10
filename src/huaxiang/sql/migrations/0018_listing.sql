-- Steps about CRM records (followed up, closed, claimed, released) are served from their facts, as the records are.
drop index fact_served;
create index fact_served on fact (node) where current and kind in ('subscription', 'record', 'step');
create index fact_crm_step on fact (tenant, (said ->> 'record')) where kind = 'step' and current;

-- What a CRM's record comes to, by its id there: made from the newest word on it and the steps about it, whenever one of
-- them comes or goes, so that lists and counts stay on indexes. Nothing in it depends on the clock or on settings.
-- `at_node`: where the newest word hangs, to find the customer by. `created_at`: as the record says; `made_at`: else when
-- the word came, by the second. `owner`: empty for the main account. `carrier`, `sex`: 0 unknown. `is_pooled`: put into
-- the public pool; `back_at`: when it goes there by its own word; `unfollow_from`, `unsettled_from`: from when the
-- tenant's days count.
-- `words`: keyed hashes of the company's letters and pairs of letters, and of custom fields with their values.
-- On a cluster it is distributed by `name`.
create table crm_entry (
    tenant         integer not null,
    name           uuid not null,
    at_node        uuid not null,
    owner          text collate "C" not null,
    at             timestamptz not null,
    is_deleted     boolean not null,
    created_at     timestamptz,
    made_at        timestamptz not null,
    phone          text collate "C",
    email          text collate "C",
    company        text,
    carrier        smallint not null,
    sex            smallint not null,
    is_followed    boolean not null,
    is_settled     boolean not null,
    is_pooled      boolean not null,
    back_at        timestamptz,
    unfollow_from  timestamptz,
    unsettled_from timestamptz,
    words          bigint[] not null,
    primary key (tenant, name)
);
create index crm_entry_page on crm_entry (tenant, owner, made_at desc, name)
    include (carrier, sex, is_followed, is_settled, is_pooled, back_at, unfollow_from, unsettled_from)
    where not is_deleted;
create index crm_entry_phone on crm_entry (tenant, phone) where not is_deleted;
create index crm_entry_email on crm_entry (tenant, email) where not is_deleted;
create index crm_entry_words on crm_entry using gin (words) where not is_deleted;

-- The tenants whose entries are kept: from the first time that somebody asks for a list.
create table crm_listed (
    tenant integer primary key
);

-- The phone of a record is looked for among entries now.
drop index fact_crm_phone;
