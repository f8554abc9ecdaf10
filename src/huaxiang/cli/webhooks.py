"""`huaxiang webhook …`: apps that are told when a customer's tags change, and what became of it."""

from __future__ import annotations

import msgspec
from cyclopts import App

from huaxiang.cli.output import say, show, show_rows
from huaxiang.cli.place import HERE, Place
from huaxiang.errors import SettingsInvalid
from huaxiang.service import Service
from huaxiang.webhooks import subscriptions
from huaxiang.webhooks.subscriptions import Attempt, Delivery, Made, State, Webhook

webhook = App(name="webhook", help="Apps that are told when tags change (Rabbitpre's changeTag).  标签变更回调。")
COLUMNS = ("id", "tenant", "app", "url", "paused", "permitted", "waiting", "given_up", "created_at")
LOG_COLUMNS = ("number", "event", "state", "attempts", "created_at", "next_at", "at", "ms", "status", "outcome")


@webhook.command
def create(app: str, url: str, /, *, place: Place = HERE) -> None:
    """Tell an app at an address when a customer's tags change; prints the secret that signs, this once.

    Running servers do it. The tags that there are now are taken as known.

    Parameters
    ----------
    app
        The app (instanceAppid), a rabbitpre key with the permission `tags`.
    url
        https:// or http://, in whatever network: who runs this command is trusted with it. No redirect is followed.

    """

    async def work(service: Service) -> Made:
        return await subscriptions.create(service, app, url)

    show(place.run(work), as_json=place.json)
    if not place.json:
        say("Keep the secret: it is not shown again.  请保存密钥：它不会再次显示。")


@webhook.command(name="set")
def set_(id_: int, /, *, url: str | None = None, paused: bool | None = None, place: Place = HERE) -> None:
    """Tell at another address, pause, or go on.

    Parameters
    ----------
    id_
        The webhook.
    url
        The new address.
    paused
        Send nothing meanwhile; what changes waits. `--no-paused` goes on.

    """

    async def work(service: Service) -> list[Webhook]:
        await subscriptions.change(service, id_, url=url, paused=paused)
        return await subscriptions.webhooks(service)

    (changed,) = [one for one in place.run(work) if one.id == id_]
    show(changed, as_json=place.json)


@webhook.command(name="list")
def list_(*, tenant: str | None = None, place: Place = HERE) -> None:
    """List the webhooks, and how many deliveries wait, or were given up.

    Parameters
    ----------
    tenant
        Only this tenant's.

    """

    async def work(service: Service) -> list[Webhook]:
        return await subscriptions.webhooks(service, tenant)

    show_rows([msgspec.structs.asdict(one) for one in place.run(work)], COLUMNS, as_json=place.json)


@webhook.command
def drop(id_: int, /, *, place: Place = HERE) -> None:
    """Tell there no more: what waits goes, and so does the log.

    Parameters
    ----------
    id_
        The webhook.

    """

    async def work(service: Service) -> None:
        await subscriptions.drop(service, id_)

    place.run(work)
    show({"dropped": id_}, as_json=place.json)


@webhook.command
def log(
    id_: int, /, *, state: State | None = None, limit: int = 100, delivery: int | None = None, place: Place = HERE
) -> None:
    """List deliveries, newest first, each with its last attempt; nothing of what they said is kept.

    Parameters
    ----------
    id_
        The webhook.
    state
        Only waiting, delivered, given_up, or void ones (of customers who are known no more).
    limit
        How many, at most 10,000.
    delivery
        Each attempt at this one instead.

    """
    if delivery is None:

        async def work(service: Service) -> list[Delivery]:
            return await subscriptions.log(service, id_, state=state, limit=limit)

        show_rows([msgspec.structs.asdict(one) for one in place.run(work)], LOG_COLUMNS, as_json=place.json)
        return

    async def one(service: Service) -> list[Attempt]:
        return await subscriptions.attempts(service, id_, delivery)

    rows = [msgspec.structs.asdict(attempt) for attempt in place.run(one)]
    show_rows(rows, ("at", "ms", "status", "outcome"), as_json=place.json)


@webhook.command
def send(id_: int, /, *deliveries: int, given_up: bool = False, place: Place = HERE) -> None:
    """Send again what is over, with the tags as they are now, under the event's own id. A running server does it.

    Parameters
    ----------
    id_
        The webhook.
    deliveries
        The numbers that `webhook log` tells.
    given_up
        All that were given up.

    """
    if not deliveries and not given_up:
        raise SettingsInvalid(field="deliveries", reason="numbers of deliveries, or --given-up")

    async def work(service: Service) -> list[int]:
        return await subscriptions.send(service, id_, deliveries, given_up=given_up)

    show({"sending": place.run(work)}, as_json=place.json)
