-- How far imports have come. A place is written in the transaction that lands what lies before it.

-- name: begin_import
-- A file that nobody has begun begins at its first row.
insert into import_file (tenant, print, name, format) values ($1, $2, $3, $4)
on conflict (tenant, print) do nothing;

-- name: begin_import_again
-- From its first row once more; what landed of it is known by then.
insert into import_file as had (tenant, print, name, format) values ($1, $2, $3, $4)
on conflict (tenant, print) do update
    set items = 0, line = 0, rejected = 0, rejects_bytes = 0, landed = 0, known = 0,
        started_at = now(), moved_at = now(), finished_at = null;

-- name: import_place
-- Where the import of a file stands, and what became of the rows before.
select items, line, rejected, rejects_bytes, landed, known, started_at, finished_at from import_file
where tenant = $1 and print = $2;

-- name: move_import
-- On to a place, from the one where this run stood: nobody else has moved it, or no row comes back.
update import_file
set items = $4, line = $5, rejected = $6, rejects_bytes = $7, landed = landed + $8, known = known + $9,
    moved_at = now(), finished_at = case when $10::boolean then now() end
where tenant = $1 and print = $2 and items = $3 and finished_at is null
returning items;

-- name: outgrown_tables
-- Tables that have grown to more than eight times what they were when statistics were taken of them; small ones aside.
select oid::regclass::text as name from pg_class
where relkind = 'r' and relnamespace = current_schema()::regnamespace
  and pg_relation_size(oid) > 8 * current_setting('block_size')::bigint * greatest(relpages, 4);
