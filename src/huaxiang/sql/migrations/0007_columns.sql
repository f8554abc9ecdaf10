-- What a fact said is kept as the very text that came: cheaper to write than a parsed document, and its digest can be
-- checked by whoever reads the table. What calls are summed by stands in columns of its own.
drop index fact_decision;
alter table fact alter column said type json using said::text::json;
alter table fact alter column about type json using about::text::json;
create index fact_decision on fact (tenant, came_at desc, record)
    where kind = 'link' and said -> 'author' is not null;
alter table fact add column duration integer;
alter table fact add column rounds integer;
alter table fact add column city text;
update fact set duration = (said ->> 'duration')::integer, rounds = (said ->> 'rounds')::integer, city = said ->> 'city'
where kind = 'call';

-- A summary is rewritten by every batch that touches its node: room on its page keeps the rewriting off the indexes.
alter table summary_call set (fillfactor = 80);
alter table summary_identity set (fillfactor = 80);
