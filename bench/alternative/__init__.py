"""The obvious alternative to Huaxiang's look-ups: FastAPI and SQLAlchemy on the same tables, to be measured against.

Written as a good engineer writes such a thing on a good day: async, pooled, typed models, one query of the ORM for each
table, no tricks. Credentials are looked up as ours are; views of CRM records are not noted, which spares it a write.
"""
