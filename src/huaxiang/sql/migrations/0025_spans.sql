-- Many changes in one row of the feed.

-- Each number that is drawn keeps the 255 before it too, for a row that tells of as many customers. The first draw makes
-- sure that they are all above 0, where a reader begins.
select nextval('change_number');
alter sequence change_number increment by 256;

-- Of many customers: their ids in ascending order, `customer` null. `number` is the last one's; the one before it has the
-- number before, and so on, so that a row of `n` has the numbers from `number - n + 1` on. It lies in its page as it is: to
-- pack it takes longer than to write it.
alter table change add column customers bigint[];
alter table change alter column customers set storage plain;
alter table change alter column customer drop not null;

-- By its id it is found what became of a customer; updates are only read in their order.
drop index change_customer;
create index change_customer on change (tenant, customer) where what <> 'updated';
