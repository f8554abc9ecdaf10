"""A Smartlink server as a destination: each try goes out under a signature of its own.

Rule 1: the parameters stand in the query in the order of the vendor's SDK: sorted by their encoded name, upper case
        first, the signature among them; a request of the SDK and one of ours are the same bytes.
Rule 2: the host that is signed is the one that the `Host` header names, without its port.
Rule 3: the secret signs, and goes nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import httpx

from huaxiang.client.exchange import Call
from huaxiang.client.tinet.configuration import SmartlinkClientConfiguration
from huaxiang.client.transport import Destination, checked_credential
from huaxiang.dialects.tinet.signing import EXPIRES_MAX_S, bare_host, enc, sign
from huaxiang.errors import SettingsInvalid

Answer = TypeVar("Answer")
Now = Callable[[], datetime]

_AHEAD = {"utc": timedelta(0), "shanghai": timedelta(hours=8)}


def now_utc() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


class Signed(Destination):
    """A server's address, and a key to sign for it."""

    def __init__(self, configuration: SmartlinkClientConfiguration, now: Now = now_utc) -> None:
        """Raises `SettingsInvalid` for settings that can't be meant."""
        super().__init__(configuration.address)
        if httpx.URL(self.base_url).path != "/":
            raise SettingsInvalid(field="host", reason="a host alone is expected, without a path")
        if not 1 <= configuration.expires <= EXPIRES_MAX_S:
            raise SettingsInvalid(field="expires", reason=f"1 to {EXPIRES_MAX_S} seconds")
        if not configuration.accessKeySecret:
            raise SettingsInvalid(field="accessKeySecret", reason="is required")
        self._id = checked_credential("accessKeyId", configuration.accessKeyId)
        self._secret, self._expires = configuration.accessKeySecret, configuration.expires
        self._host = bare_host(httpx.URL(self.base_url).netloc.decode("ascii"))
        self._now, self._ahead = now, _AHEAD[configuration.clock]

    def url(self, call: Call[Answer]) -> str:
        """Where a call goes, signed now."""
        stamp = (self._now() + self._ahead).strftime("%Y-%m-%dT%H:%M:%SZ")
        pairs = [
            *call.query,
            ("AccessKeyId", self._id),
            ("Expires", str(self._expires)),
            ("Timestamp", stamp),
        ]
        pairs.append(("Signature", sign(self._secret, call.method, self._host, call.path, pairs)))
        encoded = sorted(((enc(name), enc(value)) for name, value in pairs), key=lambda pair: pair[0])
        return f"{self.base_url}{call.path}?" + "&".join(f"{name}={value}" for name, value in encoded)
