"""The SQL of the house: `migrations/` is the schema, and one file of named statements for each stage.

A reader who knows only SQL understands the product from here: a fact lands (`ingest.sql`), folds into the summaries of
its node (`fold.sql`), links join nodes into customers (`resolve.sql`), a customer is read as the sum of its nodes
(`read.sql`). `tenants.sql` keeps tenants and keys, `staging.sql` is where a batch waits.
"""
