"""What can go wrong, as classes: one only where somebody can act differently.

    HuaxiangError            every error of the house; `code` is stable, `fields` say what and where
    ├── SettingsInvalid      a command's flags or a tenant's settings contradict each other
    ├── ClusterUnavailable   PostgreSQL can't be found, started or used
    ├── SourceUnreadable     a file can't be read at all
    └── Refused              the answer to a request is no; each dialect has its own word for each
        ├── InputMissing, InputInvalid, InputUnknown, InputTooLarge
        ├── NotAuthenticated, CredentialExpired, NotPermitted
        ├── NotFound, WrongMethod, WrongMediaType
        ├── TooOften, Busy
        └── Failed           our fault; the caller learns no more than that

Rules: the text of an error never holds a secret or a personal datum: it names fields and reasons, not values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class HuaxiangError(Exception):
    """An error of the house. `fields` are its particulars; its text is `code: name=value, …`."""

    code = "error"

    def __init__(self, **fields: object) -> None:
        """Keep the particulars; they must be fit for a log."""
        self.fields = fields
        super().__init__(self._text())

    def __reduce__(self) -> tuple[Callable[..., HuaxiangError], tuple[type[HuaxiangError], dict[str, object]]]:
        """For another process: the same class with the same particulars."""
        return _again, (type(self), self.fields)

    def _text(self) -> str:
        particulars = ", ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.code}: {particulars}" if particulars else self.code


def _again(kind: type[HuaxiangError], fields: dict[str, object]) -> HuaxiangError:
    return kind(**fields)


class SettingsInvalid(HuaxiangError):
    """Flags or settings that can't be meant; fields: `field`, `reason`."""

    code = "settings_invalid"


class ClusterUnavailable(HuaxiangError):
    """PostgreSQL can't be found, started or used; fields: `reason`."""

    code = "cluster_unavailable"


class SourceUnreadable(HuaxiangError):
    """A file can't be read at all; fields: `path`, `reason`."""

    code = "source_unreadable"


class Refused(HuaxiangError):
    """A request answered with no; fields: `field` and `reason` where they apply."""

    code = "refused"

    @property
    def field(self) -> str:
        """The name of the input at fault, or the empty string."""
        return str(self.fields.get("field", ""))

    @property
    def reason(self) -> str:
        """Why, in words for the caller, or the empty string."""
        return str(self.fields.get("reason", ""))


class InputMissing(Refused):
    """A required input is absent."""

    code = "input_missing"


class InputInvalid(Refused):
    """An input is of the wrong type, shape or range."""

    code = "input_invalid"


class InputUnknown(Refused):
    """An input that the call does not know."""

    code = "input_unknown"


class InputTooLarge(Refused):
    """More items or bytes than the stated limit."""

    code = "input_too_large"


class NotAuthenticated(Refused):
    """No credential, or a wrong one."""

    code = "not_authenticated"


class CredentialExpired(Refused):
    """A credential or a signature that was right once."""

    code = "credential_expired"


class NotPermitted(Refused):
    """A right credential without the permission."""

    code = "not_permitted"


class NotFound(Refused):
    """Nothing there, or nothing that this caller may see."""

    code = "not_found"


class WrongMethod(Refused):
    """The path exists, the method does not."""

    code = "wrong_method"


class WrongMediaType(Refused):
    """A body of a content type that the call does not take."""

    code = "wrong_media_type"


class TooOften(Refused):
    """Past the caller's rate; try again later."""

    code = "too_often"


class Busy(Refused):
    """The server has no room for the request just now; try again later."""

    code = "busy"


class Failed(Refused):
    """A failure inside; the log has it under the request's id."""

    code = "failed"
