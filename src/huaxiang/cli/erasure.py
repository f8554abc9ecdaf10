"""`huaxiang erase`: a person gone from everywhere, after a look at what goes; and `erasures`, the register."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from huaxiang.cli.output import say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.steward import erasure
from huaxiang.steward.names import meant

if TYPE_CHECKING:
    from huaxiang.dialects.native.erasure import Erasure
    from huaxiang.service import Service


def erase(  # noqa: PLR0913 - an option each for what an erasure is told
    customer: Annotated[str, Parameter(name="ID")],
    *,
    tenant: str,
    author: str,
    reason: str,
    only: bool = False,
    scrub: bool = False,
    yes: bool = False,
    place: Place = HERE,
) -> None:
    """Erase a person: facts, identifiers, links, and what other people's facts say of them. Shows first what would go.

    Parameters
    ----------
    customer
        A number of ours, or an identifier: phone:13800000001, openid:o-1@wx-1.
    tenant
        Whose customer it is.
    author
        Who erases; it is kept.
    reason
        Why; it is kept, so no personal datum belongs there.
    only
        Only the one identifier that is named, with what hangs on it; the rest of its customer lives.
    scrub
        Make the files of the tables anew, so that no freed byte stays in them; nobody reads or writes meanwhile.
    yes
        Do it. There is no way back.

    """
    wanted = meant(customer)

    async def work(service: Service) -> Erasure:
        of = await service.tenant(tenant)
        if yes:
            return await erasure.erase(service, of, wanted, author=author, reason=reason, only=only, scrub=scrub)
        return await erasure.preview(service, of, wanted, only=only)

    told = place.run(work)
    if place.json:
        show(told, as_json=True)
        return
    _tell(told)
    if not yes:
        say("Nothing is changed yet. With --yes it is done, for ever.  尚未删除；加 --yes 执行，不可恢复。")


def erasures(*, tenant: str, place: Place = HERE) -> None:
    """List the erasures that were done: when, of which id, by whom and why.

    Parameters
    ----------
    tenant
        Whose customers they were.

    """

    async def work(service: Service) -> list[erasure.Erased]:
        return await erasure.erasures(service, await service.tenant(tenant))

    rows = [msgspec.structs.asdict(one) for one in place.run(work)]
    show_rows(rows, ("at", "customer", "author", "reason", "rows"), as_json=place.json)


def _tell(told: Erasure) -> None:
    show(
        {
            "done": told.done,
            "customer": told.customer,
            "numbers unknown for ever": told.unknown,
            "numbers that lead on": told.leading_on,
            "other people's facts rewritten": told.rewritten,
            "marks kept": told.marks,
        },
        as_json=False,
    )
    show_rows([{"table": name, "rows": count} for name, count in told.rows.items()], ("table", "rows"), as_json=False)
    if told.examples:
        rows = [msgspec.structs.asdict(one) for one in told.examples]
        show_rows(rows, ("source", "enterprise", "kind", "id", "fields"), as_json=False)
    for line in told.stays:
        say(f"- {line}")
