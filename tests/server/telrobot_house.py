"""A tenant with a Telrobot key, and the words in which these tests call: rows in, lists, deletions, custom fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caller import Door, Serving

from huaxiang.model import Json, Tenant

MOBILE, UNICOM, TELECOM = "13667679151", "13012121212", "18900000001"


@dataclass(frozen=True)
class House:
    """A tenant of one's own, and a key of its main account that may do everything."""

    server: Serving
    tenant: Tenant
    door: Door

    @property
    def account(self) -> str:
        """The main account."""
        return self.door.credential["user_id"]

    def path(self, name: str, account: str | None = None) -> str:
        """The path of a call."""
        return f"/agent-api/user/{account or self.account}/{name}"

    def add(self, *rows: Json, **more: Json) -> list[dict[str, Any]]:
        """Push rows; the answers to each."""
        answer = self.door.call("POST", self.path("async_customer"), json={"data": rows, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def delete(self, **said: Json) -> int:
        """Delete; how many were."""
        return self.door.call("DELETE", self.path("del_customer"), json=said).json()["data"]["deleted"]

    def list(self, *pairs: tuple[str, str], account: str | None = None) -> dict[str, Any]:
        """A page of customers, whole."""
        answer = self.door.get(self.path("get_customer", account), pairs=pairs)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def phones(self, *pairs: tuple[str, str], account: str | None = None) -> list[str]:
        """The phones of a page of customers."""
        return [one["phone"] for one in self.list(*pairs, account=account)["data"]]

    def detail(self, id_: str) -> dict[str, Any] | None:
        """A customer; None for nobody."""
        answer = self.door.get(self.path(f"customer/detail/{id_}"))
        return answer.json()["data"] if answer.status_code == 200 else None

    def make_field(self, **said: Json) -> dict[str, Any]:
        """Make a custom field; what it is."""
        answer = self.door.call("POST", self.path("component"), json=said)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def refusal(self, method: str, name: str, body: Json, status: int = 422) -> Json:
        """The message of a refusal."""
        answer = self.door.call(method, self.path(name), json=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["data"]) == (status, status, []), answer.text
        return answer.json()["message"]


async def a_house(server: Serving, **key: object) -> House:
    tenant = await server.tenant()
    return House(server, tenant, await server.door(tenant, "telrobot", **key))


async def with_rows(server: Serving) -> House:
    """A house with three customers, each from another file's row."""
    house = await a_house(server)
    rows = [
        {"phone": MOBILE, "created_at": "2024-03-01 09:00:00", "email": "A@x.cn", "company": "云蝠智能", "name": "甲"},
        {"phone": "+86 130-1212-1212", "created_at": "2024-03-02 09:00:00", "company": "云上", "sex": 1},
        {"phone": MOBILE[:-1] + "9", "created_at": "2024-03-03 09:00:00", "operator": 1, "email": "c@x.cn"},
    ]
    outcome = await server.land(house.tenant, [{"as": "telrobot.customer", "row": row} for row in rows])
    assert outcome.landed == 3
    return house
