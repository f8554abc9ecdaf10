"""Why this is one customer, what it was, what stands under each value that is served of it, and all of it to take away.

    subject.py   a number of ours or an identifier -> the node that is meant; nodes by name
    records.py   the records behind links: who says so, when, why
    links.py     what joins a customer, what is suspended, what is kept apart
    values.py    which facts a served value is the sum or the newest of
    path.py      from one identifier to another, or what stands between them
    history.py   the links as they were known, replayed: each join and parting, and any past day
    export.py    all of a person as one document

Takes a service and a tenant, gives the native wire's answers; each is read from one snapshot, and nothing is written.
"""

from __future__ import annotations

from huaxiang.steward.evidence.explain import explain
from huaxiang.steward.evidence.export import export
from huaxiang.steward.evidence.history import history, moment
from huaxiang.steward.evidence.path import path

__all__ = ["explain", "export", "history", "moment", "path"]
