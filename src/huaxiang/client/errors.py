"""What can go wrong with a call, as one tree: one class for each thing that a caller can do about it.

    ClientError          every failure of a call; `status`, `request_id`, `field`, `reason` where they are known
    ├── Unauthenticated  the token, key or signature is not one of theirs, or has expired: get another
    │   └── Expired      a signature was too old when it came, or from the future: set the clock
    ├── NotPermitted     the token is right and may not do this: ask for the permission
    ├── Invalid          the input is wrong: `field` and `reason` say what to mend
    │   └── TooLarge     it is more than the server takes at once: send less
    ├── NotFound         there is nothing by that id for this caller
    ├── Declined         a vendor took the request, and answers that it was not done: `message` says why
    ├── TooOften         past the token's rate, at every try: call less often
    ├── Unavailable      nobody could be reached: nothing was done; try later
    │   └── Unconfirmed  the server had no room, or no answer came: it may have been done all the same
    ├── ServerFault      a failure inside the server: tell its operator the `request_id`
    └── Unexpected       not an answer of this API: a wrong address, a proxy between, a newer server

Rule 1: `code` is the server's own where it gave one (`credential_expired`, …), else that of the class.
Rule 2: a text names fields and reasons, and never a token or a value that was sent. A vendor's own words may quote one:
        they are in `message`, and not in the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from huaxiang.errors import HuaxiangError


class ClientError(HuaxiangError):
    """A call that failed.

    Where it was one of several that land facts, or hand rows over: `before` is what would have been answered for those
    before it, and `line`, from 1, the first fact or row that it was to land, to go on from (else None, and 0).
    `message`: a vendor's own words, as they came.
    """

    code = "call_failed"
    message: str = ""
    before: Any = None
    line: int = 0

    def __init__(
        self, *, code: str = "", field: str = "", reason: str = "", status: int = 0, request_id: str = ""
    ) -> None:
        """Take what the server said: empty, or 0, for what it did not."""
        self.code = code or type(self).code
        self.field, self.reason, self.status, self.request_id = field, reason, status, request_id
        particulars = {"field": field, "reason": reason, "status": status, "request_id": request_id}
        super().__init__(**{name: value for name, value in particulars.items() if value})


class Unauthenticated(ClientError):
    """The token is not one of theirs, or has expired."""

    code = "not_authenticated"


class Expired(Unauthenticated):
    """A signature too old when it came, or from the future: the clock is off, or the way was long."""

    code = "signature_expired"


class NotFound(ClientError):
    """Nothing by that id, for this caller."""

    code = "not_found"


class Declined(ClientError):
    """Taken, and answered as not done, in words that `message` has."""

    code = "declined"


class NotPermitted(ClientError):
    """The token is right and may not do this; `reason` names the permission."""

    code = "not_permitted"


class Invalid(ClientError):
    """The input is wrong, in `field`, for `reason`."""

    code = "input_invalid"


class TooLarge(Invalid):
    """More items or bytes than the server takes at once."""

    code = "input_too_large"


class TooOften(ClientError):
    """Past the token's rate, at every try."""

    code = "too_often"


class Unavailable(ClientError):
    """Nobody could be reached."""

    code = "unavailable"


class Unconfirmed(Unavailable):
    """The request went out, and whether it was done is not known."""

    code = "unconfirmed"


class ServerFault(ClientError):
    """A failure inside the server, which its log has under `request_id`."""

    code = "failed"


class Unexpected(ClientError):
    """Not an answer of this API."""

    code = "unexpected"


BY_STATUS: Final[Mapping[int, type[ClientError]]] = {
    400: Invalid,
    401: Unauthenticated,
    403: NotPermitted,
    413: TooLarge,
    415: Invalid,
    429: TooOften,
    500: ServerFault,
    502: Unconfirmed,
    503: Unconfirmed,
    504: Unconfirmed,
}
"""What an HTTP status amounts to where the body says nothing better; any other is `Unexpected`."""
