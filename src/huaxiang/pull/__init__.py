"""A vendor, or another server of this house, as a source: everything that its API tells comes in as facts.

    told.py       what a source tells: things, in steps, each with the place at which to go on
    landing.py    what is new of it lands, each step with its place, in one transaction
    tinet.py      calls, their dialogues and labels, from a Smartlink server
    rabbitpre.py  profiles, activity and tags, from an open platform
    telrobot.py   CRM records, fields and accounts, from a Telrobot server
    patience.py   how a server that is not one's own is asked    adoption.py  whose name an enterprise takes over

**The mirror law**: what a dialect answers on one server, it answers in the same bytes on an empty one that was pulled
from it through that dialect. The vendor's own ids are among those bytes.

Rule 1: a thing (a call, a customer, a record) comes in whole, or is rejected with its reason; never half of it.
Rule 2: what a source told before and tells the same way lands nothing; what it tells no longer is taken back.
Rule 3: what a source does not say (when a record was changed, when a label was taken off) is so since it was heard.
Rule 4: what the credential may not read is told in a remark, and the rest is pulled.
"""

from __future__ import annotations

from huaxiang.pull.landing import Report, pull
from huaxiang.pull.patience import Manner
from huaxiang.pull.told import Progress, Source

__all__ = ["Manner", "Progress", "Report", "Source", "pull"]
