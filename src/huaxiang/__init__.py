"""Huaxiang (画像): one resolved customer out of many systems, served through the APIs that clients already speak.

The map, from top to bottom; each room imports only from those below it:
    cli          the command line; wires the parts together         demo, generate   a tenant to try it with
    server       HTTP: routes on one screen, who is asking, limits, errors to words
    steward      what an operator does: see why, decide, review, erase  roster  a CRM's customers, listed
    service      the journey in order, one verb each
    lookup, portraits, crm   many callers' questions together        memory, answers  what is remembered, while it holds
    feed         what became of customers, in order                 pages  the page of portraits, counted and ready
    ingest       land facts, once each, and add them to the summaries
    resolve      which identifiers are one customer                  rulebook  which rules each call is under
    read         the sum: from identifiers to a customer             calls  single calls, as they stand
    keyring      tenants, and the keys by which callers are known   bookmark, audiences  an import's place; ids in order
    store        speaks SQL; the only one that knows the driver      sql  the schema, and the statements of each stage
    cluster      find or start PostgreSQL: embedded, or yours
    dialects     tinet, rabbitpre, telrobot, native: one vendor's wire contract each
    sources      files of records
    claim        what a fact claims, before it lands                 ahead   where it goes, worked out before its turn
    gather       what a call gathers from what waits for it
    partition    the pure heart of resolving                        islands  what new links make of what was joined
    portrait     the quality check: rules on what is said -> portraits
    dialogue     a transcript's rounds                               suggest likely matches that no identifier proves
    identifiers  a raw phone or e-mail -> Identifier, or why not     places  where a number is at home
    model        the nouns, frozen, without I/O
    errors, settings, logs                                           copying  rows as binary COPY takes them
    together, relay  questions that travel together
    client       beside the house: it speaks each of those APIs from the other side, and needs none of the rest
"""

__version__ = "0.1.0"
