"""Tinet Smartlink SQC: portraits of the customers of a call centre, by their numbers; its calls, in and out.

signing.py   the signature that every request carries, from both sides
wire.py      the endpoints, a page of portraits, the refusal
push.py      what is pushed: call records, priorities, transcripts
results.py   what is read of calls, and where a scrolled page begins
query.py     parameters, lists and integers of a query
inward.py    call records, priorities and transcripts -> facts
pulled.py    what another server answers of calls -> the facts that make this one answer the same
plain.py     the short way in for call records that need no second look
outward.py   a page of portraits -> bytes
calls.py     calls' results -> bytes
errors.py    the vendor's word for each error of the house
reasons.py   why an input is refused, in Chinese
README.md    what is here, what is not, and what was decided where the vendor says nothing
"""
