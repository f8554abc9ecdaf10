-- name: staging
-- Where a batch waits inside its transaction: what has landed, and what is to be folded. One set a connection.
create temporary table if not exists landing_fact (like fact) on commit delete rows;
create temporary table if not exists landing_link (like link) on commit delete rows;
create temporary table if not exists staged_fact (like fact) on commit delete rows;
create temporary table if not exists staged_link (like link) on commit delete rows;
create temporary table if not exists label_before (number bigint, customer bigint) on commit delete rows;
create temporary table if not exists suspended_before (node uuid, other uuid, record uuid, reason text)
    on commit delete rows;

-- name: clear_staging
-- One transaction may land many batches.
truncate landing_fact, landing_link, staged_fact, staged_link;
