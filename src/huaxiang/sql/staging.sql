-- name: staging
-- Where a batch waits inside its transaction: what lands, and then what is to be folded. One set a connection. A
-- transaction that used it leaves it empty; were that left to the server («on commit delete rows»), it would cut every one
-- of the tables' files at every end, which takes longer than a small batch does.
-- A link waits once, as its second end sees it; `kind`: of that end; `place`: among the links of its batch.
-- `landing_call`: a node, and what its calls come to that stand alone. `standing_call`, `replaying`: of a rebuild, the facts that land once
-- more, and the nodes that are to be folded from all their facts.
create temporary table if not exists landing_link (like link, kind text, place integer);
create temporary table if not exists landing_node (
    place integer, node uuid, kind text, value text, scope text, epoch bigint);
create temporary table if not exists landing_call (
    tenant integer, node uuid, place integer, kind text, value text, spelling text, enterprises text[],
    at timestamptz, rank integer, record_id text collate "C", record uuid, first_at timestamptz, calls bigint,
    durations bigint, duration_sum bigint, duration_max integer, rounds bigint, round_sum bigint, round_max integer,
    city text);
create temporary table if not exists staged_fact (like fact);
create temporary table if not exists staged_link (like link);
create temporary table if not exists page_change (node uuid, label text collate "C", spelling text collate "C", rows integer);
create temporary table if not exists standing_call (node uuid, record uuid, digest bytea, updated_at timestamptz);
create temporary table if not exists replaying (node uuid, record uuid);
create temporary table if not exists relabelled (node uuid);
create temporary table if not exists relisted (name text);
create temporary table if not exists label_before (number bigint, customer bigint);
create temporary table if not exists suspended_before (node uuid, other uuid, record uuid, reason text);

-- name: clear_staging
-- One transaction may land many batches.
truncate landing_link, landing_node, landing_call, staged_fact, staged_link, page_change, relabelled, relisted,
    standing_call;

-- name: sweep_staging
-- At the end of a transaction: nothing stays. How many bytes the tables take up, dead rows and all.
with facts as (delete from staged_fact), links as (delete from landing_link), nodes as (delete from landing_node),
calls as (delete from landing_call),
linked as (delete from staged_link), changes as (delete from page_change), labels as (delete from relabelled),
lists as (delete from relisted), before as (delete from label_before), replays as (delete from replaying),
standing as (delete from standing_call), suspended as (delete from suspended_before)
select pg_relation_size('staged_fact') + pg_relation_size('landing_link') + pg_relation_size('landing_node')
     + pg_relation_size('landing_call')
     + pg_relation_size('staged_link') + pg_relation_size('page_change') + pg_relation_size('relabelled')
     + pg_relation_size('relisted') + pg_relation_size('replaying')
     + pg_relation_size('standing_call') + pg_relation_size('label_before') + pg_relation_size('suspended_before') as bytes;

-- name: cut_staging
-- What a large batch took up is given back.
truncate landing_link, landing_node, landing_call, staged_fact, staged_link, page_change, relabelled, relisted,
    label_before, suspended_before, replaying, standing_call;
