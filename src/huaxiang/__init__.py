"""Huaxiang (画像): one resolved customer out of many systems, served through the APIs that clients already speak.

The map, from top to bottom; each room imports only from those below it:
    cli          the command line; wires the parts together          demo, generate  a tenant to try it with
    server       HTTP: routes on one screen, who is asking, limits, errors to words
    pull         a vendor's API, or another house's, as a source
    steward      what an operator does: see why, decide, review, erase   roster  a CRM's customers   webhooks  telling
    service      the journey in order, one verb each
    lookup, portraits, crm  many callers' questions together         memory, answers  what is remembered, while it holds
    feed         what became of customers, in order                  pages, listing  kept ready for pages and lists
    ingest       land facts, once each      fold  add them to summaries      arrival, joining  nodes and links in bulk
    resolve      which identifiers are one customer                  rulebook  which rules each call is under
    read         the sum: from identifiers to a customer             calls  single calls, as they stand
    keyring      tenants, and the keys by which callers are known    bookmark, audiences  imports' places; ids in order
    store        speaks SQL; the only one that knows the driver      sql  the schema, and the statements of each stage
    cluster      find or start PostgreSQL: embedded, or yours        sources  files of records
    dialects     tinet, rabbitpre, telrobot, native: one vendor's wire contract each
    packing      facts packed for bulk, as binary COPY takes them, with what they add to summaries
    claim        what a fact claims, before it lands; plain: the short way        gather  what a call gathers
    partition    the pure heart of resolving, and islands around it  pool  who holds a CRM's customer, and until when
    portrait     the quality check: rules on what is said -> portraits   dialogue  a transcript's rounds
    suggest      likely matches that no identifier proves            places  where a number is at home
    identifiers  a raw phone or e-mail -> Identifier, or why not     model  the nouns, frozen, without I/O
    errors, settings, logs          together, relay, shelf  questions that travel together, answers that workers share
    client       beside the house: it speaks each of those APIs from the other side, and needs none of the rest
"""

__version__ = "0.1.0"
