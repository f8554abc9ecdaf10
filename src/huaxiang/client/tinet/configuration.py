"""The settings of a Smartlink client, under the names that the vendor's SDK gives them; timeouts in milliseconds.

    SmartlinkClientConfiguration("AKDEMO0001", "…", host="smartlink-sqc-openapi.tinetcloud.com", scheme="https")

or as the vendor's document writes it, setter by setter.

Rule 1: what the SDK leaves to chance is said: its 200 ms for an answer are too short for a page of 10,000 rows, and its
        signatures, good for 5 s, for a clock that is off. The defaults here are longer, and are settings all the same.
Rule 2: certificates are verified, which the SDK does not do; for one of your own bring an httpx client along.
Rule 3: the secret is in no `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import httpx

from huaxiang.client.exchange import Retry
from huaxiang.client.transport import Reach
from huaxiang.errors import SettingsInvalid

Clock: TypeAlias = Literal["utc", "shanghai"]
"""What a timestamp says: UTC, as the document has it; or the wall clock of Shanghai, as the SDK sends it from there."""


@dataclass
class SmartlinkClientConfiguration:
    """Where the server is, who asks, and how patiently.

    `port` None: the scheme's own. `expires`: the seconds for which a request's signature is good, 1 to 604800.
    `connectionRequestTimeout`: the wait for a free connection of the pool; `socketTimeout`: for the next bytes.
    """

    accessKeyId: str = ""
    accessKeySecret: str = field(default="", repr=False)
    host: str = ""
    port: int | None = None
    scheme: str = "http"
    proxy: str | None = field(default=None, repr=False)
    maxConnections: int = 100
    maxConnectionsPerRoute: int = 100
    connectionRequestTimeout: int = 5_000
    connectTimeout: int = 5_000
    socketTimeout: int = 60_000
    keepAliveDurationMillis: int = 60_000
    expires: int = 60
    clock: Clock = "utc"
    retry: Retry = field(default_factory=Retry)

    def setAccessKeyId(self, accessKeyId: str) -> None:
        """Who asks."""
        self.accessKeyId = accessKeyId

    def setAccessKeySecret(self, accessKeySecret: str) -> None:
        """What the requests are signed with; it is never sent."""
        self.accessKeySecret = accessKeySecret

    def setHost(self, host: str, port: int | None = None, scheme: str | None = None) -> None:
        """Where the server is: a host, or `host:port`."""
        name, colon, number = host.rpartition(":")
        if port is None and colon and number.isascii() and number.isdigit() and (":" not in name or name[-1] == "]"):
            host, port = name, int(number)
        self.host, self.port, self.scheme = host, port, scheme or self.scheme

    def setProxy(self, proxy: str) -> None:
        """By which proxy: `http://proxy.example.com:3128`."""
        self.proxy = proxy

    def setConnectTimeout(self, connectTimeout: int) -> None:
        """The longest that connecting may take."""
        self.connectTimeout = connectTimeout

    def setSocketTimeout(self, socketTimeout: int) -> None:
        """The longest wait for the next bytes."""
        self.socketTimeout = socketTimeout

    def setConnectionRequestTimeout(self, connectionRequestTimeout: int) -> None:
        """The longest wait for a connection of the pool."""
        self.connectionRequestTimeout = connectionRequestTimeout

    def setMaxConnections(self, maxConnections: int) -> None:
        """The most connections in all."""
        self.maxConnections = maxConnections

    def setMaxConnectionsPerRoute(self, maxConnectionsPerRoute: int) -> None:
        """The most connections to one host; there is one."""
        self.maxConnectionsPerRoute = maxConnectionsPerRoute

    def setKeepAliveDurationMillis(self, keepAliveDurationMillis: int) -> None:
        """How long an idle connection is kept."""
        self.keepAliveDurationMillis = keepAliveDurationMillis

    @property
    def address(self) -> str:
        """The server's address."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port is not None else "")

    @property
    def reach(self) -> Reach:
        """The same settings in the words of the transport. Raises `SettingsInvalid`."""
        if self.proxy is not None and urlsplit(self.proxy).scheme not in {"http", "https", "socks5", "socks5h"}:
            raise SettingsInvalid(field="proxy", reason="an address like http://proxy.example.com:3128 is expected")
        most = min(self.maxConnections, self.maxConnectionsPerRoute)
        socket_s = self.socketTimeout / 1000
        return Reach(
            httpx.Timeout(
                connect=self.connectTimeout / 1000,
                read=socket_s,
                write=socket_s,
                pool=self.connectionRequestTimeout / 1000,
            ),
            httpx.Limits(
                max_connections=most,
                max_keepalive_connections=most,
                keepalive_expiry=self.keepAliveDurationMillis / 1000,
            ),
            self.proxy,
        )
