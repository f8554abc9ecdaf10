-- name: staging
-- Where a batch waits inside its transaction: what lands, and then what is to be folded. One set a connection.
create temporary table if not exists landing_link (like link) on commit delete rows;
create temporary table if not exists staged_fact (like fact) on commit delete rows;
create temporary table if not exists staged_link (like link) on commit delete rows;
create temporary table if not exists page_change (node uuid, label text collate "C", spelling text collate "C", rows integer)
    on commit delete rows;
create temporary table if not exists relabelled (node uuid) on commit delete rows;
create temporary table if not exists relisted (name text) on commit delete rows;
create temporary table if not exists label_before (number bigint, customer bigint) on commit delete rows;
create temporary table if not exists suspended_before (node uuid, other uuid, record uuid, reason text)
    on commit delete rows;

-- name: clear_staging
-- One transaction may land many batches.
truncate landing_link, staged_fact, staged_link;
