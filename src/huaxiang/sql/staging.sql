-- name: staging
-- Where a batch waits inside its transaction: what lands, and then what is to be folded. One set a connection. A
-- transaction that used it leaves it empty; were that left to the server («on commit delete rows»), it would cut every one
-- of the tables' files at every end, which takes longer than a small batch does.
-- A link waits once, as its second end sees it; `kind`: of that end; `place`: among the links of its batch.
-- `landing_identity` and its like: what a packed batch adds to the summaries of nodes that stood before.
-- `landing_call`: a node, and what its calls come to that stand alone. `standing_call`, `replaying`: of a rebuild, the facts
-- that land once more, and the nodes that are to be folded from all their facts.
create temporary table if not exists landing_link (like link, kind text, place integer);
create temporary table if not exists landing_node (
    place integer, node uuid, kind text, value text, scope text, epoch bigint);
create temporary table if not exists landing_identity (like summary_identity);
create temporary table if not exists landing_trait (like summary_trait);
create temporary table if not exists landing_origin (like summary_origin);
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
truncate landing_link, landing_node, landing_call, landing_identity, landing_trait, landing_origin, staged_fact, staged_link,
    page_change, relabelled, relisted, standing_call;

-- name: sweep_staging
-- At the end of a transaction: nothing stays.
with facts as (delete from staged_fact), links as (delete from landing_link), nodes as (delete from landing_node),
calls as (delete from landing_call), identities as (delete from landing_identity), traits as (delete from landing_trait),
origins as (delete from landing_origin),
linked as (delete from staged_link), changes as (delete from page_change), labels as (delete from relabelled),
lists as (delete from relisted), before as (delete from label_before), replays as (delete from replaying),
standing as (delete from standing_call), suspended as (delete from suspended_before)
select;

-- name: staging_taken
-- Which of the tables ($1: all of them) take up more than so many bytes, dead rows and all.
select name from unnest($1::text[]) as staging (name) where pg_relation_size(name::regclass) > $2;

-- What a large batch took up is given back, table by table: to cut one takes milliseconds.
-- name: cut_landing_link
truncate landing_link;
-- name: cut_landing_node
truncate landing_node;
-- name: cut_landing_identity
truncate landing_identity;
-- name: cut_landing_trait
truncate landing_trait;
-- name: cut_landing_origin
truncate landing_origin;
-- name: cut_staged_fact
truncate staged_fact;
-- name: cut_staged_link
truncate staged_link;
-- name: cut_page_change
truncate page_change;
-- name: cut_relabelled
truncate relabelled;
-- name: cut_relisted
truncate relisted;
-- name: cut_label_before
truncate label_before;
-- name: cut_suspended_before
truncate suspended_before;
-- name: cut_landing_call
truncate landing_call;
-- name: cut_replaying
truncate replaying;
-- name: cut_standing_call
truncate standing_call;
