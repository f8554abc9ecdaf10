"""The tokens of a Rabbitpre app: which one is good, and how the next is got. Pure, it knows no clock and no socket.

Takes times in seconds of any clock that does not jump; gives the token, or the call that fetches another.

Rule 1: a token is renewed while it is still good: a minute, or a tenth of its life, before its end, whichever is less.
Rule 2: its life counts from when it was asked for, which is before it was made.
Rule 3: it is renewed by the refresh token while that is good, else by the app's secret. A refresh token that is refused
        is forgotten.
Rule 4: a token that was refused is forgotten along with its refresh token, unless another has come meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from msgspec import Struct

from huaxiang.client.exchange import Call
from huaxiang.client.rabbitpre import answers
from huaxiang.client.rabbitpre.answers import Tokens
from huaxiang.client.transport import checked_credential
from huaxiang.dialects.rabbitpre.wire import ACCESS_TOKEN, REFRESH_TOKEN

REFRESH_LIFE_S = 14_400
"""The vendor's document: a refresh token lives so long."""
MARGIN_S = 60.0


class TokenAnswer(Struct, kw_only=True):
    """The answer to both token calls."""

    data: Tokens


@dataclass(frozen=True)
class _Pair:
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    renew_at: float = float("-inf")
    refresh_until: float = float("-inf")


class Keeping:
    """The tokens of one app."""

    def __init__(self, app_id: str, secret: str) -> None:
        """Raises `SettingsInvalid` for what can't be an app's id or secret."""
        self._app_id = checked_credential("app_id", app_id)
        self._secret = checked_credential("secret", secret)
        self._pair = _Pair()

    def current(self, now: float) -> str | None:
        """The token to use now; None when another is due."""
        return self._pair.access if now < self._pair.renew_at else None

    def refresh(self, now: float) -> Call[TokenAnswer] | None:
        """The call that gets another token for the refresh token; None where that is no longer good."""
        if now >= self._pair.refresh_until:
            return None
        return _call(REFRESH_TOKEN.path, ("orgRefreshToken", self._pair.refresh))

    def fetch(self) -> Call[TokenAnswer]:
        """The call that gets a token for the secret."""
        return _call(ACCESS_TOKEN.path, ("instanceAppid", self._app_id), ("instanceSecrect", self._secret))

    def note(self, answer: TokenAnswer, asked_at: float) -> str:
        """Keep what came; the token."""
        tokens = answer.data
        margin = min(MARGIN_S, tokens.expire / 10)
        refresh_until = asked_at + REFRESH_LIFE_S - MARGIN_S if tokens.orgRefreshToken else float("-inf")
        self._pair = _Pair(
            tokens.orgAccessToken, tokens.orgRefreshToken, asked_at + tokens.expire - margin, refresh_until
        )
        return tokens.orgAccessToken

    def drop(self, token: str) -> None:
        """Forget a token that was refused."""
        if token == self._pair.access:
            self._pair = _Pair()


def _call(path: str, *query: tuple[str, str]) -> Call[TokenAnswer]:
    return Call(
        "GET",
        path,
        read=partial(answers.read, TokenAnswer),
        repeatable=True,
        query=query,
        status_of=answers.status_of,
    )
