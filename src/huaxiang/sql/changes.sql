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
insert into change (tenant, number, what, customer)
select $1, nextval('change_number'), 'updated', customer
from (select of_node.customer
      from (select node from staged_fact
            union select node from staged_link
            union select unnest($2::uuid[])) as touched (node)
      cross join lateral (select customer from node where node.node = touched.node limit 1) as of_node
      union select unnest($3::bigint[])
      union select customer from node where number = any($4::bigint[]) and tenant = $1
      order by customer) as changed;

-- name: put_updates_of
-- The same, where the customers of what landed are known ($2), but for those of these nodes ($3).
insert into change (tenant, number, what, customer)
select $1, nextval('change_number'), 'updated', customer
from (select unnest($2::bigint[]) as customer
      union select of_node.customer from unnest($3::uuid[]) as touched (node)
      cross join lateral (select customer from node where node.node = touched.node limit 1) as of_node
      union select customer from node where number = any($4::bigint[]) and tenant = $1
      order by customer) as changed;

-- name: put_moved
-- Customers that identifiers left or came to, where everything was made anew.
insert into change (tenant, number, what, customer)
select $1, nextval('change_number'), 'updated', customer
from (select distinct customer from node
      where number = any($2::bigint[]) and tenant = $1 order by customer) as changed;

-- name: remember_labels
-- Before all is made anew: whose id leads where.
insert into label_before select number, customer from node where tenant = $1;

-- name: labels_changed
select before.number, before.customer as before, node.customer as after
from label_before as before join node using (number)
where node.customer <> before.customer and node.tenant = $1
order by before.number;

-- name: changes_after
-- A page of the feed.
select number, at, what, customer, other from change
where tenant = $1 and number > $2 order by number limit $3;

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
