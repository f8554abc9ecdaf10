"""Huaxiang (画像): one resolved customer out of many systems, served through the APIs that clients already speak.

The map, from top to bottom; each room imports only from those below it:

    cli          the command line; wires the parts together         demo, generate   a tenant to try it with
    server       HTTP: routes on one screen, who is asking, limits, errors to words
    steward      what an operator does about who is who: see why, decide, rehearse, review, erase
    service      the journey in order, one verb each
    feed         what became of customers, in order
    ingest       land facts, once each, and add them to the summaries
    resolve      which identifiers are one customer
    read         the sum: from identifiers to a customer
    keyring      tenants, and the keys by which callers are known
    store        speaks SQL; the only one that knows the driver      sql  the schema, and the statements of each stage
    cluster      find or start PostgreSQL: embedded, or yours
    dialects     tinet, rabbitpre, telrobot, native: one vendor's wire contract each
    sources      files of records
    claim        what a fact claims, before it lands                 gather  what a call gathers from what waits for it
    partition    the pure heart of resolving
    dialogue     a transcript's rounds                               suggest likely matches that no identifier proves
    identifiers  a raw phone or e-mail -> Identifier, or why not     places  where a number is at home
    model        the nouns, frozen, without I/O
    errors, settings, logs

Beside the house stands `client`, which speaks the native API from the other side, and needs none of the rest.
"""

__version__ = "0.1.0"
