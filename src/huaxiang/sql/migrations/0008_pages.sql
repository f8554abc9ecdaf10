-- Pages of portraits: rows made ready, and where in a page's order a row number lies.

-- `portrait`: the row as its dialect last rendered it, `edition`: by which edition of the rendering. Whatever changes a
-- row empties it. `spelling_before`: how the row was spelled before its last change.
alter table summary_call add column spelling_before text collate "C";
alter table summary_call add column portrait bytea;
alter table summary_call add column edition integer;
alter table summary_call alter column portrait set storage external;
alter table summary_call set (toast_tuple_target = 4080);

-- The labels that a row carries, each mark's name and `type/name`, under the row's spelling.
create table portrait_label (
    node     uuid not null,
    label    text collate "C" not null,
    tenant   integer not null,
    spelling text collate "C" not null,
    primary key (node, label)
);
create index portrait_label_page on portrait_label (tenant, label, spelling desc, node);

-- How many rows carry a label (all rows, under no label) and are spelled from `low` on, below the next `low`.
create table portrait_count (
    tenant integer not null,
    label  text collate "C" not null,
    low    text collate "C" not null,
    rows   bigint not null,
    primary key (tenant, label, low)
);

-- The rows of such a bucket one behind the other, each as it was rendered, with a line feed between: a page is made of a
-- few of these. Whatever changes one of its rows drops it.
create table portrait_segment (
    tenant  integer not null,
    label   text collate "C" not null,
    low     text collate "C" not null,
    edition integer not null,
    body    bytea not null,
    primary key (tenant, label, low)
);
alter table portrait_segment alter column body set storage external;

insert into portrait_label (node, label, tenant, spelling)
select distinct call.node, named.label, call.tenant, call.spelling
from summary_call as call join summary_mark as mark using (node)
cross join lateral (values (mark.name), (mark.type || '/' || mark.name)) as named (label)
where not mark.deleted;

insert into portrait_count (tenant, label, low, rows)
select tenant, label, case when piece = 0 then '' else min(spelling) end, sum(rows)
from (select tenant, label, spelling, count(*) as rows,
             (sum(count(*)) over (partition by tenant, label order by spelling) - count(*))::bigint / 1024 as piece
      from (select tenant, '' collate "C" as label, spelling from summary_call
            union all select tenant, label, spelling from portrait_label) as row
      group by tenant, label, spelling) as placed
group by tenant, label, piece;
