"""Telrobot (云蝠智能) customer contact: a CRM record with its account's custom fields, under bearer tokens.

    wire.py      the types on the wire, `ENDPOINTS`, and the reversible uuid of a customer that has no CRM record
    rules.py     `validate`: the rules of custom fields, as pure functions
    inward.py    a customer row -> one record fact, and the definitions of the custom fields that it brings along
    pulled.py    what another server answers of customers -> the facts that make this one answer the same
    pushes.py    rows, deletions and custom fields that come by HTTP -> facts and definitions
    asked.py     what a call asks for: a query or a body -> plain values
    outward.py   a CRM record with its customer -> the answer's bytes
    errors.py    HTTP status, code and Chinese words for each refusal

Rule 1: fields stand in the order of the vendor's document, and nulls are kept.
Rule 2: times on the wire are `yyyy-MM-dd HH:mm:ss` in the tenant's time zone; inside they are aware.
"""
