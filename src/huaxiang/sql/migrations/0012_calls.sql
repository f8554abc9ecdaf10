-- Calls are read by themselves too, by the time they happened: a day of them, or a range.
create index fact_call_at on fact (tenant, at, record) where kind = 'call' and current;
