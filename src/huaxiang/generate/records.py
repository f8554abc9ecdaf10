"""The generated records of the CRM: `telrobot.customer` rows, as the vendor's detail call answers them.

Takes a person, gives the rows of that person: the record, sometimes a later revision of it, sometimes a second record,
which somebody entered without looking for the first.

Rule 1: a row names no account: the customer is the account's under which it is imported.
Rule 2: phones are spelled as people spell them; what joins a second record to the first is the phone or the e-mail.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from huaxiang.generate.calls import SHANGHAI, Rows
from huaxiang.generate.draws import Draws, pick
from huaxiang.generate.people import Person, spelled
from huaxiang.generate.words import names
from huaxiang.model import Json

CUSTOMER: Final = "telrobot.customer"

_REVISED, _TWICE, _COMPANY, _BACK = 0.3, 0.06, 0.45, 0.05
_ENTERED_DAYS: Final = 600
_AGENTS: Final = 12


class Records:
    """What the CRM holds."""

    def __init__(self, draws: Draws, now: datetime) -> None:
        """Entered and changed before `now` (aware)."""
        self._draws = draws
        self._now = now.astimezone(SHANGHAI).replace(microsecond=0, tzinfo=None)

    def of(self, person: Person) -> Rows:
        """The rows of one person, the oldest first; none where the CRM does not know them."""
        if "crm" not in person.systems:
            return []
        chance = self._draws.numbers(b"record", person.place)
        first = self._record(person, chance, b"record id", spelled(person.crm_phone, chance[0]))
        rows = [first]
        if chance[1] < _REVISED:
            rows.append(self._revision(first, chance[2]))
        if person.landline and person.email:
            rows.append(self._record(person, chance[3:] + chance[:3], b"second id", person.landline))
        elif chance[3] < _TWICE and person.crm_phone == person.phone:
            rows.append(self._record(person, chance[3:] + chance[:3], b"second id", spelled(person.phone, chance[4])))
        return [(CUSTOMER, row) for row in rows]

    def _record(self, person: Person, chance: tuple[float, ...], purpose: bytes, phone: str) -> dict[str, Json]:
        entered = self._now - timedelta(seconds=86_400 + int(86_400 * _ENTERED_DAYS * chance[5]))
        followed = entered + (self._now - entered) * chance[6]
        trade, _, industry = pick(names().trades, chance[7])
        company = f"{person.city.city}{pick(names().trade_names, chance[8])}{trade}" if chance[9] < _COMPANY else None
        agent = str(self._draws.uuid(b"agent", int(_AGENTS * chance[10])))
        closing = chance[11] < 0.25  # noqa: PLR2004 (a quarter is about to buy)
        return {
            "id": str(self._draws.uuid(purpose, person.place)),
            "created_user_id": agent,
            "phone": phone,
            "company": company,
            "email": person.email,
            "is_back": int(chance[12] < _BACK),
            "source_id": 700 + int(20 * chance[13]),
            "industry_id": industry if company else 0,
            "grade_id": 60 + int(8 * chance[14]),
            "name": person.surname + person.given,
            "sort": 0,
            "created_at": _text(entered),
            "updated_at": _text(followed),
            "inputted_at": _text(entered),
            "flow": int(6 * chance[15]),
            "extra": f"lead-{person.place}" if chance[12] > 0.8 else None,  # noqa: PLR2004 (one of five came as a lead)
            "sex": 1 if person.male else 2,
            "expect_transaction_at": _text(self._now + timedelta(days=1 + int(90 * chance[1]))) if closing else None,
            "expect_transaction_fee": f"{int(500 * chance[2]) * 100 if closing else 0}.00",
            "followed_at": _text(followed),
        }

    def _revision(self, row: dict[str, Json], number: float) -> dict[str, Json]:
        """The same record, followed up since then."""
        before = datetime.fromisoformat(row["updated_at"])
        at = _text(before + (self._now - before) * (0.1 + 0.8 * number))
        return row | {"updated_at": at, "followed_at": at, "grade_id": 60 + int(8 * number), "flow": int(6 * number)}


def _text(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="seconds")
