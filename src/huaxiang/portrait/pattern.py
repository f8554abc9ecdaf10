r"""A regular expression as a rule writes it -> the same over normalised texts, for the engine that decides and the set.

The language is RE2's. RE2 decides what is valid and what matches; a set automaton, whose language is near to Perl's,
finds in one pass which of many expressions may match. Here an expression is read token by token and written down twice.

Rule 1: literal characters beyond ASCII are normalised as texts are (`text.py`), and escaped where they become signs:
    `多少钱？` asks for a question mark. ASCII stays as it is; letters meet either case.
Rule 2: in a class, a character that normalises to several is refused: a class holds single characters.
Rule 3: `\Q…\E` (inside which nothing could be escaped) and `\C` (half a character) are refused.
Rule 4: the set's expression may match more than RE2's, never less. Its parts are written without what the two engines
    read differently: classes spelled out, signs as code points. Where that can't be (`\p{…}`, `[[:alpha:]]`, `\B`,
    flags other than `i`), it is None, and RE2 looks for the expression alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from huaxiang.portrait.text import normalised

_CONTROL: Final = {"a": 0x07, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}
_SPACES: Final = r"\x{9}\x{a}\x{c}\x{d}\x{20}"
_REPEAT: Final = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_GROUP: Final = re.compile(r"\((?:\?P?<[A-Za-z_][A-Za-z0-9_]*>|\?:|\?i:|(?!\?))")
_OTHER_GROUP: Final = re.compile(r"\(\??[^():]*[:)]?")
_HEX: Final = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})")
_NAMED: Final = re.compile(r"\[:\^?\w+:\]")
_LAST_ASCII: Final = "\x7f"


class PatternInvalid(ValueError):
    """The expression can't be used; its text says why."""


class Translated(NamedTuple):
    """An expression over normalised texts: `decides` in RE2's language, `finds` in the set's, or None."""

    decides: str
    finds: str | None


def translated(pattern: str) -> Translated:
    """`pattern` (RE2 syntax) for both engines. Raises `PatternInvalid` for what Rules 2 and 3 refuse."""
    reader = _Reader(pattern)
    while reader.at < len(pattern):
        reader.step()
    return Translated("".join(reader.decides), "".join(reader.finds) if reader.findable else None)


def literal(word: str) -> str:
    """A normalised word as an expression of the set's language."""
    return "".join(_sign(one) for one in word)


def _sign(one: str) -> str:
    return one if one.isascii() and one.isalnum() else f"\\x{{{ord(one):x}}}"


class _Reader:
    """Reads `pattern` from `at` on, a token at a time."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.decides: list[str] = []
        self.finds: list[str] = []
        self.findable = True

    def step(self) -> None:
        one = self.pattern[self.at]
        if one == "\\":
            self._escape()
        elif one == "[":
            self._class()
        elif one == "(":
            self._group()
        elif one in "*+?|).^":
            self._write(one, one)
        elif one == "$":
            self._write(one, r"\z")
        elif one == "{" and (repeat := _REPEAT.match(self.pattern, self.at)):
            self._write(repeat[0], repeat[0])
        else:
            self._literal()

    def _write(self, taken: str, finds: str | None, decides: str | None = None) -> None:
        """Write a token down for both, and go past it; without `finds` the set can't have the expression."""
        self.at += len(taken)
        self.decides.append(taken if decides is None else decides)
        if finds is None:
            self.findable = False
        else:
            self.finds.append(finds)

    def _literal(self) -> None:
        """A character with the marks that compose with it; grouped where it becomes several, for what may repeat it."""
        end = self.at + 1
        while end < len(self.pattern) and unicodedata.combining(self.pattern[end]):
            end += 1
        taken = self.pattern[self.at : end]
        if taken.isascii():
            self._write(taken, _sign(taken))
            return
        spelled = normalised(taken)
        finds = literal(spelled)
        decides = "".join(one if one > _LAST_ASCII or one.isalnum() else "\\" + one for one in spelled)
        several = len(spelled) > 1
        self._write(taken, f"(?:{finds})" if several else finds, f"(?:{decides})" if several else decides)

    def _group(self) -> None:
        opened = _GROUP.match(self.pattern, self.at)
        if opened:
            self._write(opened[0], "(?:")
        elif self.pattern.startswith("(?i)", self.at):
            self._write("(?i)", "")
        else:
            # Flags, or what RE2 refuses: it reads them as they are written.
            taken = _OTHER_GROUP.match(self.pattern, self.at)
            self._write(taken[0] if taken else "(", None)

    def _escape(self) -> None:
        taken, finds = self._escaped()
        if taken == r"\s":
            finds = f"[{_SPACES}]"
        elif taken == r"\S":
            finds = f"[^{_SPACES}]"
        elif taken in {r"\d", r"\D", r"\w", r"\W", r"\b", r"\A", r"\z"}:
            finds = taken
        self._write(taken, finds)

    def _escaped(self) -> tuple[str, str | None]:
        """The escape that stands here, and the character that it means, if it means one."""
        name = self.pattern[self.at + 1 : self.at + 2]
        if name in {"Q", "E", "C"}:
            raise PatternInvalid(f"\\{name} can't be used here")
        hexadecimal = _HEX.match(self.pattern, self.at + 1)
        if hexadecimal:
            code = int(hexadecimal[1] or hexadecimal[2], 16)
            return "\\" + hexadecimal[0], f"\\x{{{code:x}}}"
        taken = "\\" + name
        if name in _CONTROL:
            return taken, f"\\x{{{_CONTROL[name]:x}}}"
        if name > _LAST_ASCII:
            raise PatternInvalid(f"\\{name}: a character beyond ASCII needs no backslash")
        return taken, _sign(name) if name and not name.isalnum() else None

    def _class(self) -> None:
        opened = "[^" if self.pattern.startswith("[^", self.at) else "["
        self._write(opened, opened)
        first = True
        while self.at < len(self.pattern) and (first or self.pattern[self.at] != "]"):
            self._member()
            first = False
        if self.at < len(self.pattern):
            self._write("]", "]")

    def _member(self) -> None:
        one = self.pattern[self.at]
        named = _NAMED.match(self.pattern, self.at)
        if named:
            self._write(named[0], None)
        elif one == "\\":
            taken, finds = self._escaped()
            self._write(taken, _SPACES if taken == r"\s" else taken if taken in {r"\d", r"\w"} else finds)
        elif one == "-":
            self._write(one, one)
        elif one.isascii():
            self._write(one, _sign(one))
        else:
            spelled = normalised(one)
            if len(spelled) != 1:
                raise PatternInvalid(f"{one} in […] is several characters once normalised: {spelled}")
            decides = spelled if spelled > _LAST_ASCII or spelled.isalnum() else f"\\x{{{ord(spelled):x}}}"
            self._write(one, _sign(spelled), decides)
