"""`huaxiang pull`: a vendor, or another Huaxiang, as a source; landed, and taken up again where a run broke off."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from huaxiang.cli.meter import Meter
from huaxiang.cli.output import say, show
from huaxiang.cli.place import HERE, Place
from huaxiang.client import ClientError, NotPermitted, TooOften, Unauthenticated, Unavailable
from huaxiang.errors import SettingsInvalid
from huaxiang.pull import Manner, Report, Source
from huaxiang.pull import Progress as Behind
from huaxiang.pull import pull as pull_all
from huaxiang.service import Service

pull = App(name="pull", help="Pull all that a vendor's API tells, or another Huaxiang's; again, what has changed.")


@Parameter(name="*")
@dataclass(frozen=True)
class How:
    """How a pull is done."""

    credential: Annotated[
        Path | None, Parameter(help="A file with the credential, in JSON, as `huaxiang key create --json` prints one.")
    ] = None
    rate: Annotated[
        float | None,
        Parameter(help="Calls a second, 0 for as often as it answers; what the vendor allows, if not given."),
    ] = None
    again: Annotated[bool, Parameter(negative=(), help="Begin anew, wherever the last run broke off.")] = False
    tries: Annotated[int, Parameter(help="How often a call is tried that may pass.")] = 12
    longest_wait: Annotated[float, Parameter(help="The longest wait between two tries, in seconds.")] = 60.0

    @property
    def manner(self) -> Manner:
        """The same for whoever asks."""
        return Manner(self.rate, self.tries, self.longest_wait)


_USUAL = How()


@pull.command
def tinet(  # noqa: PLR0913 - an option each for where, who and how
    *,
    tenant: str,
    from_: Annotated[str, Parameter(name="--from")],
    access_key_id: str | None = None,
    access_key_secret: str | None = None,
    since: date | None = None,
    clock: Literal["utc", "shanghai"] = "utc",
    how: How = _USUAL,
    place: Place = HERE,
) -> None:
    """Pull calls, their dialogues and labels from a Smartlink server (Tinet).

    Parameters
    ----------
    tenant
        Whose customers they are.
    from_
        The server's address.
    access_key_id
        Who asks; else HUAXIANG_ACCESS_KEY_ID, or `access_key_id` of the file.
    access_key_secret
        Its secret; better in HUAXIANG_ACCESS_KEY_SECRET, or `access_key_secret` of the file: no process list shows it.
    since
        Only calls since this day.
    clock
        What the server takes a signature's time for.

    """
    from huaxiang.pull.tinet import Tinet

    held = _Held(how.credential)
    key = held.value("access_key_id", access_key_id), held.value("access_key_secret", access_key_secret)
    _run(lambda: Tinet(from_, key, how.manner, since=since, clock=clock), tenant, how, place)


@pull.command
def telrobot(
    *,
    tenant: str,
    from_: Annotated[str, Parameter(name="--from")],
    token: str | None = None,
    account: str | None = None,
    how: How = _USUAL,
    place: Place = HERE,
) -> None:
    """Pull CRM records, custom fields and accounts from a Telrobot server (云蝠智能).

    Parameters
    ----------
    tenant
        Whose customers they are.
    from_
        The server's address, without /agent-api.
    token
        Who asks; better in HUAXIANG_TOKEN, or `token` of the file, which no process list shows.
    account
        For which account; else HUAXIANG_USER_ID, `user_id` of the file, or the token's own.

    """
    from huaxiang.pull.telrobot import Telrobot

    held = _Held(how.credential)
    said, of = held.value("token", token), held.value("user_id", account, otherwise="")
    _run(lambda: Telrobot(from_, said, of or None, how.manner), tenant, how, place)


@pull.command
def rabbitpre(
    *,
    tenant: str,
    from_: Annotated[str, Parameter(name="--from")],
    instance_appid: str | None = None,
    instance_secrect: str | None = None,
    company: str | None = None,
    how: How = _USUAL,
    place: Place = HERE,
) -> None:
    """Pull customers with their activity, accounts and tags from an open platform (Rabbitpre, 兔展).

    Parameters
    ----------
    tenant
        Whose customers they are.
    from_
        The server's address, without /api/open.
    instance_appid
        The app that asks; else HUAXIANG_INSTANCEAPPID, or `instanceAppid` of the file.
    instance_secrect
        Its secret, spelled as the vendor does; better in HUAXIANG_INSTANCESECRECT, or `instanceSecrect` of the file.
    company
        The enterprise under the app that is meant (companyId); the app's own, unless given.

    """
    from huaxiang.pull.rabbitpre import Rabbitpre

    held = _Held(how.credential)
    app = held.value("instanceAppid", instance_appid), held.value("instanceSecrect", instance_secrect)
    _run(lambda: Rabbitpre(from_, app, company, how.manner), tenant, how, place)


# ── who asks ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Held:
    """A credential: what an option says, else the environment, else the file."""

    def __init__(self, file: Path | None) -> None:
        self._file: dict[str, Any] = {}
        if file is not None:
            try:
                self._file = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            except (OSError, ValueError):
                reason = "no JSON object that can be read, as `huaxiang key create --json` prints one"
                raise SettingsInvalid(field="credential", reason=reason) from None

    def value(self, name: str, given: str | None, *, otherwise: str | None = None) -> str:
        """The value of a name. Raises `SettingsInvalid` where nobody says it, and nothing else would do."""
        variable = f"HUAXIANG_{name.upper()}"
        said = given or os.environ.get(variable) or self._file.get(name) or otherwise
        if not isinstance(said, str):
            raise SettingsInvalid(field=name, reason=f"an option, {variable}, or a --credential file has to say it")
        return said


# ── the run ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _run(make: Callable[[], Source], tenant: str, how: How, place: Place) -> None:
    gauge = _Gauge()

    async def work(service: Service) -> Report:
        return await pull_all(service, await service.tenant(tenant), make(), gauge.moved, again=how.again)

    try:
        with gauge:
            report = place.run(work)
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        sys.exit(130)
    except ClientError as error:
        say(f"huaxiang: {_sentence(error)}")
        sys.exit(2)
    _tell(report, gauge, as_json=place.json)
    sys.exit(int(bool(report.told) and report.told == report.rejected))


def _sentence(error: ClientError) -> str:
    """What went wrong with the source, and what to do; without a word that was sent, or came back."""
    details = " ".join(part for part in (error.code, error.field, error.reason) if part)
    if isinstance(error, Unauthenticated):
        return f"the source refuses the credential ({details})"
    if isinstance(error, NotPermitted):
        return f"the credential may not read there what is needed first ({details})"
    if isinstance(error, TooOften):
        return f"the source was asked too often, at every try ({details}); the same command goes on from here"
    if isinstance(error, Unavailable):
        return f"the source can't be reached ({details}); the same command goes on from here"
    return f"the source answers as it should not ({details}); the same command goes on from here"


def _tell(report: Report, gauge: _Gauge, *, as_json: bool) -> None:
    speed = {"seconds": round(gauge.seconds, 3), "per_second": round(gauge.told / max(gauge.seconds, 0.001))}
    counts = {name: value for name, value in asdict(report).items() if name not in {"examples", "remarks", "before"}}
    whole: dict[str, Any] = {"state": "resumed" if report.before else "pulled", **counts, **speed}
    if as_json:
        rejects = [{"name": one.name, "field": one.field, "reason": one.reason} for one in report.examples]
        show({**whole, "remarks": report.remarks, "rejects": rejects}, as_json=True)
        return
    show(whole, as_json=False)
    for remark in report.remarks:
        say(remark)
    for one in report.examples:
        say(f"{one.name}{', ' + one.field if one.field else ''}: {one.reason}")


class _Gauge(Meter):
    """How a pull goes: `told` things so far."""

    def __init__(self) -> None:
        self.told = 0
        self._first: Behind | None = None
        super().__init__("pull", None)

    def moved(self, behind: Behind) -> None:
        """The pull has come so far."""
        first = self._first = self._first or behind
        self.told = behind.told
        speed = behind.done / max(self.seconds, 0.001)
        told = f"{speed:,.0f}/s; changed {behind.changed:,}, known {behind.known:,}, rejected {behind.rejected:,}"
        of, left = "", ""
        if behind.total is not None:
            of, left = f" of {behind.total:,}", self.left(behind.done - first.done, behind.total - behind.done)
        self.tell(behind.done, told, f"{behind.done:,}{of}, {told}{left}", total=behind.total)
