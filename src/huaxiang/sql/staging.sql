-- name: staging
-- Where a batch waits inside its transaction: what lands, and then what is to be folded. One set a connection. A
-- transaction that used it leaves it empty; were that left to the server («on commit delete rows»), it would cut every one
-- of the tables' files at every end, which takes longer than a small batch does.
-- A link waits once, as its second end sees it; `kind`: of that end; `place`: among the links of its batch.
create temporary table if not exists landing_link (like link, kind text, place integer);
create temporary table if not exists landing_node (
    place integer, node uuid, kind text, value text, scope text, epoch bigint);
create temporary table if not exists landing_identity (like summary_identity);
create temporary table if not exists landing_trait (like summary_trait);
create temporary table if not exists landing_origin (like summary_origin);
create temporary table if not exists staged_fact (like fact);
create temporary table if not exists staged_link (like link);
create temporary table if not exists page_change (node uuid, label text collate "C", spelling text collate "C", rows integer);
create temporary table if not exists relabelled (node uuid);
create temporary table if not exists relisted (name text);
create temporary table if not exists label_before (number bigint, customer bigint);
create temporary table if not exists suspended_before (node uuid, other uuid, record uuid, reason text);

-- name: clear_staging
-- One transaction may land many batches.
truncate landing_link, landing_node, landing_identity, landing_trait, landing_origin, staged_fact, staged_link, page_change, relabelled, relisted;

-- name: sweep_staging
-- At the end of a transaction: nothing stays. How many bytes the tables take up, dead rows and all.
with facts as (delete from staged_fact), links as (delete from landing_link), nodes as (delete from landing_node),
identities as (delete from landing_identity), traits as (delete from landing_trait),
origins as (delete from landing_origin),
linked as (delete from staged_link), changes as (delete from page_change), labels as (delete from relabelled),
lists as (delete from relisted), before as (delete from label_before), suspended as (delete from suspended_before)
select pg_relation_size('staged_fact') + pg_relation_size('landing_link') + pg_relation_size('landing_node')
     + pg_relation_size('landing_identity') + pg_relation_size('landing_trait') + pg_relation_size('landing_origin')
     + pg_relation_size('staged_link') + pg_relation_size('page_change') + pg_relation_size('relabelled')
     + pg_relation_size('relisted') + pg_relation_size('label_before') + pg_relation_size('suspended_before') as bytes;

-- name: cut_staging
-- What a large batch took up is given back.
truncate landing_link, landing_node, landing_identity, landing_trait, landing_origin, staged_fact, staged_link, page_change, relabelled, relisted, label_before,
    suspended_before;
