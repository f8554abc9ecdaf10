-- CRM records by themselves: an entry each, made from the newest word on it and the steps about it (`listing`).

-- name: crm_listed
-- Whether the tenant's entries are kept.
select exists (select from crm_listed where tenant = $1) as any;

-- name: stay_on_indexes
-- Lists are read along their indexes, whatever the statistics say, until the transaction ends.
select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true);

-- name: keep_listed
insert into crm_listed (tenant) values ($1) on conflict do nothing;

-- name: forget_entries
delete from crm_entry where tenant = $1;

-- name: forget_listed
delete from crm_listed where tenant = $1;

-- name: relisted
-- The records of which something was said or taken back in this transaction, once each, where entries are kept.
select name from relisted where exists (select from crm_listed where tenant = $1)
union
select said ->> 'record' from staged_fact
where kind in ('record', 'step') and exists (select from crm_listed where tenant = $1);

-- name: clear_relisted
delete from relisted;

-- name: crm_named
-- The ids of all records of a source.
select distinct said ->> 'record' as name from fact
where tenant = $1 and source = $2 and kind = 'record' and current;

-- name: crm_words
-- The newest word on each of these records ($3), whatever fact said it, and all steps about them.
(select distinct on (said ->> 'record') said ->> 'record' as name, kind, node, record, source, enterprise, at, rank,
        record_id, created_at, said
 from fact
 where tenant = $1 and source = $2 and kind = 'record' and current and enterprise = ''
   and said ->> 'record' = any($3::text[])
 order by said ->> 'record', at desc, rank desc, record_id desc, record desc)
union all
select said ->> 'record', kind, node, record, source, enterprise, at, rank, record_id, created_at, said
from fact
where tenant = $1 and kind = 'step' and current and said ->> 'record' = any($3::text[]);

-- name: drop_entries
delete from crm_entry where tenant = $1 and name = any($2::uuid[]);

-- name: put_entries
insert into crm_entry (tenant, name, at_node, owner, at, is_deleted, created_at, made_at, phone, email, company, carrier,
                       sex, is_followed, is_settled, is_pooled, back_at, unfollow_from, unsettled_from, words)
select $1, name, at_node, owner, at, is_deleted, created_at, made_at, phone, lower(email), company, carrier, sex,
       is_followed, is_settled, is_pooled, back_at, unfollow_from, unsettled_from,
       case when words = '' then '{}' else string_to_array(words, ',')::bigint[] end
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::boolean[], $7::timestamptz[], $8::timestamptz[],
            $9::text[], $10::text[], $11::text[], $12::smallint[], $13::smallint[], $14::boolean[], $15::boolean[],
            $16::boolean[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::text[])
     as new (name, at_node, owner, at, is_deleted, created_at, made_at, phone, email, company, carrier, sex, is_followed,
             is_settled, is_pooled, back_at, unfollow_from, unsettled_from, words)
order by name
on conflict (tenant, name) do update
    set at_node = excluded.at_node, owner = excluded.owner, at = excluded.at, is_deleted = excluded.is_deleted,
        created_at = excluded.created_at, made_at = excluded.made_at, phone = excluded.phone, email = excluded.email,
        company = excluded.company, carrier = excluded.carrier, sex = excluded.sex, is_followed = excluded.is_followed,
        is_settled = excluded.is_settled, is_pooled = excluded.is_pooled, back_at = excluded.back_at,
        unfollow_from = excluded.unfollow_from, unsettled_from = excluded.unsettled_from, words = excluded.words;

-- name: crm_standing
-- What these records come to, deleted ones too.
select name, owner, at, is_deleted, created_at from crm_entry where tenant = $1 and name = any($2::uuid[]);

-- name: crm_count
-- How many live records these owners ($2) hold, created within a span ($3, $4), of these carriers ($5) and sexes ($6),
-- followed or not ($7), at a stage ($8: own, pool, clue, deal; at a time, $9, with the pool's cutoffs $10, $11), where
-- these are given. Read from the index alone.
select count(*) as total from crm_entry
where tenant = $1 and owner = any($2::text[]) and not is_deleted
  and made_at >= coalesce($3::timestamptz, '-infinity') and made_at < coalesce($4::timestamptz, 'infinity')
  and ($5::smallint[] is null or carrier = any($5::smallint[])) and ($6::smallint[] is null or sex = any($6::smallint[]))
  and ($7::boolean is null or is_followed = $7::boolean)
  and ($8::text is null
       or case when is_pooled or coalesce(back_at <= $9::timestamptz, false)
                    or coalesce(unfollow_from <= $10::timestamptz, false)
                    or coalesce(unsettled_from <= $11::timestamptz, false) then $8::text = 'pool'
               else $8::text = 'own' or $8::text = case when is_settled then 'deal' else 'clue' end end);

-- name: crm_page
-- A page of the same, newest first: along the index of each owner, as far as the page goes.
with page as (
    select entry.name, entry.owner, entry.made_at
    from unnest($2::text[]) as wanted (owner)
    cross join lateral (
        select name, owner, made_at from crm_entry
        where tenant = $1 and crm_entry.owner = wanted.owner and not is_deleted
          and made_at >= coalesce($3::timestamptz, '-infinity') and made_at < coalesce($4::timestamptz, 'infinity')
          and ($5::smallint[] is null or carrier = any($5::smallint[]))
          and ($6::smallint[] is null or sex = any($6::smallint[]))
          and ($7::boolean is null or is_followed = $7::boolean)
          and ($8::text is null
               or case when is_pooled or coalesce(back_at <= $9::timestamptz, false)
                            or coalesce(unfollow_from <= $10::timestamptz, false)
                            or coalesce(unsettled_from <= $11::timestamptz, false) then $8::text = 'pool'
                       else $8::text = 'own' or $8::text = case when is_settled then 'deal' else 'clue' end end)
        order by made_at desc, name limit $12::bigint + $13::bigint) as entry
    order by entry.made_at desc, entry.name limit $12::bigint offset $13::bigint)
select page.name, page.owner, entry.at, entry.at_node
from page join crm_entry as entry on entry.tenant = $1 and entry.name = page.name
order by page.made_at desc, page.name;

-- name: crm_found
-- A page of those that also have one of these phones in digits ($14), this e-mail ($15), or all these words ($16), found
-- by the first of the three that is given, and this in the company's name ($17); each with how many there are in all. A
-- row without a name tells only the number of all.
with candidate as (
    select * from crm_entry where tenant = $1 and phone = any($14::text[]) and not is_deleted
    union all
    select * from crm_entry
    where $14::text[] is null and tenant = $1 and email = lower($15::text) and not is_deleted
    union all
    select * from crm_entry
    where $14::text[] is null and $15::text is null and words @> $16::bigint[] and tenant = $1 and not is_deleted),
matching as materialized (
    select name, owner, at, at_node, made_at from candidate
    where owner = any($2::text[])
      and made_at >= coalesce($3::timestamptz, '-infinity') and made_at < coalesce($4::timestamptz, 'infinity')
      and ($5::smallint[] is null or carrier = any($5::smallint[]))
      and ($6::smallint[] is null or sex = any($6::smallint[]))
      and ($7::boolean is null or is_followed = $7::boolean)
      and ($8::text is null
           or case when is_pooled or coalesce(back_at <= $9::timestamptz, false)
                        or coalesce(unfollow_from <= $10::timestamptz, false)
                        or coalesce(unsettled_from <= $11::timestamptz, false) then $8::text = 'pool'
                   else $8::text = 'own' or $8::text = case when is_settled then 'deal' else 'clue' end end)
      and ($15::text is null or email = lower($15::text)) and words @> $16::bigint[]
      and ($17::text is null or position($17::text in company) > 0)),
page as (select * from matching order by made_at desc, name limit $12::bigint offset $13::bigint)
select page.name, page.owner, page.at, page.at_node, counted.total
from (select count(*) as total from matching) as counted left join page on true
order by page.made_at desc, page.name;

-- name: dictionary
-- What the ids of a tenant's dictionaries mean.
select account, kind, id, name from dictionary where tenant = $1 order by account, kind, id;

-- name: put_dictionary
-- An id means this from now on.
insert into dictionary (tenant, account, kind, id, name) values ($1, $2, $3, $4, $5)
on conflict (tenant, account, kind, id) do update set name = excluded.name;

-- name: drop_dictionary
-- An id means nothing any more.
delete from dictionary where tenant = $1 and account = $2 and kind = $3 and id = $4
returning account, kind, id, name;
