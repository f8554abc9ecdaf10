-- CRM records by themselves. A record's newest word answers, whatever fact said it; it may be that the record is deleted.

-- name: crm_names
-- Which records any word gives one of these phones, written in digits: by an index, and to be held against the newest.
select distinct said ->> 'record' as name from fact
where tenant = $1 and source = $2 and kind = 'record' and current
  and left(regexp_replace(said #>> '{details,phone}', '[^0-9]', '', 'g'), 32) = any($3::text[]);

-- name: crm_standing
-- The newest word on these records: whose they are, whether they live, and since when.
select distinct on (said ->> 'record') said ->> 'record' as name, coalesce(said ->> 'owner', '') as owner, at,
       coalesce((said ->> 'deleted')::boolean, false) as deleted, said #>> '{details,created_at}' as created_at
from fact
where tenant = $1 and source = $2 and kind = 'record' and current and enterprise = ''
  and said ->> 'record' = any($3::text[])
order by said ->> 'record', at desc, rank desc, record_id desc, record desc;

-- name: crm_page
-- A page of the live records of these owners ($3), newest first, each with how many there are in all. Only of these
-- names ($4), with one of these phones in digits ($5), this e-mail ($6), this in the company's name ($7), created within
-- a span ($8, $9), of these carriers ($10: stated, $11: by the first digits of a mobile number), with these values ($13)
-- in custom fields ($12), where these are given. A row without a name tells only the number of all.
with newest as (
    select distinct on (said ->> 'record') said ->> 'record' as name, node, at, said, coalesce(created_at, at) as made_at
    from fact
    where tenant = $1 and source = $2 and kind = 'record' and current and enterprise = ''
      and ($4::text[] is null or said ->> 'record' = any($4::text[]))
    order by said ->> 'record', at desc, rank desc, record_id desc, record desc),
matching as (
    select name, node, coalesce(owner, '') as owner, at, made_at
    from newest cross join lateral json_to_record(said) as told (owner text, deleted boolean, details json)
    where deleted is not true and coalesce(owner, '') = any($3::text[])
      and name ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
      and ($5::text[] is null
           or left(regexp_replace(details ->> 'phone', '[^0-9]', '', 'g'), 32) = any($5::text[]))
      and ($6::text is null or lower(details ->> 'email') = lower($6::text))
      and ($7::text is null or position($7::text in details ->> 'company') > 0)
      and ($8::timestamptz is null or made_at >= $8::timestamptz)
      and ($9::timestamptz is null or made_at < $9::timestamptz)
      and ($10::text[] is null
           or case when details ->> 'operator' is not null then details ->> 'operator' = any($10::text[])
                   else left(substring(regexp_replace(details ->> 'phone', '[^0-9]', '', 'g')
                                       from '^(?:00)?(?:86)?0?(1[0-9]{10})$'), 4) = any($11::text[]) end)
      and not exists (
          select from unnest($12::text[], $13::text[]) as wanted (field, value)
          where details -> 'components' ->> wanted.field is distinct from wanted.value)),
page as (select name, node, owner, at, made_at from matching order by made_at desc, name collate "C" limit $14 offset $15)
select page.name, page.node, page.owner, page.at, counted.total
from (select count(*) as total from matching) as counted left join page on true
order by page.made_at desc, page.name collate "C";

-- name: dictionary
-- What the ids of a tenant's dictionaries mean.
select account, kind, id, name from dictionary where tenant = $1 order by account, kind, id;

-- name: put_dictionary
-- An id means this from now on.
insert into dictionary (tenant, account, kind, id, name) values ($1, $2, $3, $4, $5)
on conflict (tenant, account, kind, id) do update set name = excluded.name;

-- name: drop_dictionary
-- An id means nothing any more.
delete from dictionary where tenant = $1 and account = $2 and kind = $3 and id = $4 returning id;
