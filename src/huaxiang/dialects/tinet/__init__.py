"""Tinet Smartlink SQC: portraits of the customers of a call centre, by their numbers.

signing.py   the signature that every request carries, from both sides
wire.py      `GET /sqc/customerPortrait`: query, answer, refusal
inward.py    call records and transcripts -> facts
outward.py   a page of portraits -> bytes
errors.py    the vendor's word for each error of the house
README.md    what is here, what is not, and what was decided where the vendor says nothing
"""
