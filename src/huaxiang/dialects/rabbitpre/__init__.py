"""Rabbitpre (兔展) open platform: a customer's profile, its activity and spread, the official accounts it follows.

    wire.py      the types on the wire, `ENDPOINTS`, and how the detail call's body is read
    neighbours.py  the same of the calls beside the detail call: ids, tags, the ways in
    row.py       one record of the vendor, read field by field, leniently
    inward.py    a profile row, an event row, a row of tags -> facts
    pulled.py    what another server answers of a customer -> the facts that make this one answer the same
    tags.py      tags as traits, and which of them stand
    outward.py   customers -> the answers' bytes; which id a customer answers under; the windows
    errors.py    the vendor's code and Chinese words for each refusal
    reasons.py   why an input is refused, in Chinese

Rule 1: a field without a value is absent, never null.
Rule 2: times are epoch milliseconds, but for `createTime`, which is `yyyy-MM-dd HH:mm:ss` in the tenant's time zone.
Rule 3: a customer that came from the vendor, or another house, keeps its id; a tenant's own come from a range apart.
"""
