"""The native dialect: the facts of the house as they are, and a customer whole, as JSON under bearer tokens.

    wire.py      the types on the wire and `ENDPOINTS`
    inward.py    a batch, or a row of a file -> facts, each judged for itself
    outward.py   a customer -> its answer
    errors.py    HTTP status and body of each refusal
    README.md    the fact format, with an example of each kind

Rule 1: the format of a fact is that of `huaxiang.model`, field for field.
Rule 2: numbers of customers are JSON integers of up to 64 bits; times are RFC 3339 in UTC.
"""
