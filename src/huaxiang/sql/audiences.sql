-- Customers in the order of the ids that they answer under: a page goes on where the one before ended.

-- name: vendors_ids
-- Ids that a vendor gave, with their customers: below $5, after an id of so many digits ($2, $3), at most $4.
select node.customer, node.value
from node join summary_identity as identity using (node)
where node.tenant = $1 and node.kind = 'audience_id'
  and (length(node.value), node.value collate "C") > ($2::integer, $3::text)
  and (length(node.value), node.value collate "C") < (length($5::text), $5::text)
  and node.value collate "C" ~ '^[1-9][0-9]*$'
order by length(node.value), node.value collate "C", node.node
limit $4;

-- name: vendors_ids_of
-- All such ids (below $3) of these customers.
select node.customer, node.value
from node join summary_identity as identity using (node)
where node.customer = any($2::bigint[]) and node.tenant = $1 and node.kind = 'audience_id'
  and (length(node.value), node.value collate "C") < (length($3::text), $3::text)
  and node.value collate "C" ~ '^[1-9][0-9]*$';

-- name: customers_after
-- Ids of customers of our own, after one of them, at most so many.
select customer from node where tenant = $1 and number = customer and customer > $2 order by customer limit $3;

-- name: customers_mentioned
-- Those of these customers that any record mentions.
select distinct node.customer
from node join summary_identity as identity using (node)
where node.customer = any($2::bigint[]) and node.tenant = $1;

-- name: openids
-- What the vendor calls an openid, in every app that has one of this value.
select distinct kind, value, scope from node
where tenant = $1 and kind in ('openid', 'external_userid', 'selfbuilt_userid') and value = $2
order by kind, scope;

-- name: customers_within
-- The customers of the nodes whose facts name a sub-enterprise, a row for each node, at most so many.
with named as materialized (select node from summary_company where tenant = $1 and company = $2 limit $3)
select node.customer from named join node on node.node = named.node;

-- name: companies_among
-- Which sub-enterprises facts of these customers name; '' where one names none.
select distinct node.customer, company.company
from node join summary_company as company on company.node = node.node
where node.customer = any($2::bigint[]) and node.tenant = $1;
