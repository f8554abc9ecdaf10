-- Likely matches: what is read of the customers to find them, and what a person answers.

-- name: likenesses_named
-- By what each customer is known. A hub is nobody's.
select node.customer, node.kind, node.value, node.scope, node.epoch
from node join summary_identity as identity using (node)
where node.tenant = $1 and not node.hub;

-- name: likenesses_said
-- The newest word on each of these traits, for each customer.
select distinct on (node.customer, trait.name) node.customer, trait.name, trait.value
from summary_trait as trait join node using (node)
where node.tenant = $1 and not node.hub and trait.name = any($2::text[])
order by node.customer, trait.name, trait.at desc, trait.rank desc, trait.record_id desc, trait.record desc;

-- name: likenesses_called
-- From which city each customer called last.
select distinct on (node.customer) node.customer, call.city
from summary_call as call join node using (node)
where node.tenant = $1 and not node.hub and call.city is not null
order by node.customer, call.at desc, call.rank desc, call.record_id desc, call.record desc;

-- name: sides_of
-- On which sides of which partings these customers stand.
select distinct node.customer, apart.record, apart.side
from node join apart using (node)
where node.tenant = $1 and node.customer = any($2::bigint[]);

-- name: answered_suggestions
-- Pairs on which a person has had a word.
select one_node, other_node from suggestion where tenant = $1 and state <> 'open';

-- name: drop_open_suggestions
delete from suggestion where tenant = $1 and state = 'open';

-- name: put_suggestions
insert into suggestion (tenant, run_at, number, one_node, other_node, weight, probability, parts)
select $1, $2, nextval('suggestion_number'), new.one, new.other, new.weight, new.probability, new.parts::jsonb
from unnest($3::uuid[], $4::uuid[], $5::double precision[], $6::double precision[], $7::text[])
     with ordinality as new (one, other, weight, probability, parts, place)
order by new.place;

-- name: suggestions
-- A page of them, in their order; of one state, or of all.
select number, one_node, other_node, weight, probability, parts, state, run_at, author, reason, at, decision
from suggestion
where tenant = $1 and ($2::text is null or state = $2) and number > $3
order by number limit $4;

-- name: suggestions_between
-- All that were ever made between nodes of the one and nodes of the other.
select one_node, other_node, state from suggestion
where tenant = $1 and ((one_node = any($2::uuid[]) and other_node = any($3::uuid[]))
                       or (one_node = any($3::uuid[]) and other_node = any($2::uuid[])));

-- name: answer_suggestions
-- A person's word on open ones.
update suggestion set state = $2, author = $3, reason = $4, at = $5, decision = $6
from unnest($7::uuid[], $8::uuid[]) as said (one, other)
where tenant = $1 and one_node = said.one and other_node = said.other and state = 'open';

-- name: erase_suggestions
-- Whatever names an erased node.
delete from suggestion where tenant = $1 and (one_node = any($2::uuid[]) or other_node = any($2::uuid[]));
