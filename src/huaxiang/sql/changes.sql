-- The feed of what became of customers.

-- name: put_changes
-- Ids that joined another customer, or are customers again.
insert into change (tenant, number, what, customer, other)
select $1, nextval('change_number'), new.what, new.customer, new.other
from unnest($2::text[], $3::bigint[], $4::bigint[]) with ordinality as new (what, customer, other, place)
order by new.place;

-- name: put_updates
-- Customers of which something was said, or taken back, in this transaction, to which an identifier came, or which one left.
-- Each node is looked up by itself: who does not know how few are staged would read all nodes there are.
-- 256 of them are one row, a span (see its migration); a single one is a row as it ever was.
with changed as materialized (
    select array(select of_node.customer
                 from (select node from staged_fact
                       union select node from staged_link
                       union select unnest($2::uuid[])) as touched (node)
                 cross join lateral (select customer from node where node.node = touched.node limit 1) as of_node
                 union select unnest($3::bigint[])
                 union select customer from node where number = any($4::bigint[]) and tenant = $1
                 order by customer) as ids)
insert into change (tenant, number, what, customer, customers)
select $1, nextval('change_number'), 'updated', case when first = cardinality(ids) then ids[first] end,
       case when first < cardinality(ids) then ids[first : first + 255] end
from changed cross join generate_series(1, cardinality(ids), 256) as first;

-- name: put_updates_of
-- The same, where the customers of what landed are known ($2), but for those of these nodes ($3).
with changed as materialized (
    select array(select unnest($2::bigint[]) as customer
                 union select of_node.customer from unnest($3::uuid[]) as touched (node)
                 cross join lateral (select customer from node where node.node = touched.node limit 1) as of_node
                 union select customer from node where number = any($4::bigint[]) and tenant = $1
                 order by customer) as ids)
insert into change (tenant, number, what, customer, customers)
select $1, nextval('change_number'), 'updated', case when first = cardinality(ids) then ids[first] end,
       case when first < cardinality(ids) then ids[first : first + 255] end
from changed cross join generate_series(1, cardinality(ids), 256) as first;

-- name: put_moved
-- Customers that identifiers left or came to, where everything was made anew.
with changed as materialized (
    select array(select distinct customer from node
                 where number = any($2::bigint[]) and tenant = $1 order by customer) as ids)
insert into change (tenant, number, what, customer, customers)
select $1, nextval('change_number'), 'updated', case when first = cardinality(ids) then ids[first] end,
       case when first < cardinality(ids) then ids[first : first + 255] end
from changed cross join generate_series(1, cardinality(ids), 256) as first;

-- name: remember_labels
-- Before all is made anew: whose id leads where.
insert into label_before select number, customer from node where tenant = $1;

-- name: labels_changed
select before.number, before.customer as before, node.customer as after
from label_before as before join node using (number)
where node.customer <> before.customer and node.tenant = $1
order by before.number;

-- name: changes_after
-- A page of the feed: behind a number ($2), at most so many ($3). A row tells of one customer at least, so that more rows
-- than that are never needed; of spans, those that begin within the page are taken apart, and one more, as the first may
-- have been read in part.
select number - cardinality(ids) + place as number, at, what, one.customer, other
from (select number, at, what, other, ids, sum(cardinality(ids)) over (order by number) - cardinality(ids) as before
      from (select number, at, what, other, coalesce(customers, array[customer]) as ids from change
            where tenant = $1 and number > $2 order by number limit $3) as behind) as row
cross join lateral unnest(ids) with ordinality as one (customer, place)
where before < $3 + 256 and number - cardinality(ids) + place > $2
order by 1 limit $3;

-- name: changes_of
-- What became of one id, and what joined it.
select number, at, what, customer, other from change
where tenant = $1 and (customer = $2 or other = $2) and what <> 'updated' order by number;

-- name: led_numbers
-- Every number that leads to a customer: its own identifiers', and those of erased ones that lead on to it.
select node.number from node
where node.customer = $2 and node.tenant = $1
union
select led.number from leads_on as led join node on node.number = led.onward and node.tenant = $1
where led.tenant = $1 and node.customer = $2
order by number;

-- name: newest_change
select coalesce(max(number), 0) as number from change where tenant = $1;
