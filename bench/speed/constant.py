"""An HTTP server that answers every request with the same bytes: what Granian can do when nothing has to be done.

CONSTANT_BYTES=512 python -m granian --interface rsgi --workers 2 speed.constant:app
"""

from __future__ import annotations

import os
from typing import Protocol

_BODY = b"x" * int(os.environ["CONSTANT_BYTES"])
_HEADERS = [("content-type", "application/json")]


class _Protocol(Protocol):
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


async def app(_scope: object, protocol: _Protocol) -> None:
    """Answer."""
    protocol.response_bytes(200, _HEADERS, _BODY)
