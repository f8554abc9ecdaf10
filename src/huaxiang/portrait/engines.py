"""The two engines, and the only module that knows them: RE2 decides, Hyperscan finds.

`Regex` is one expression: linear time in the text, whatever the expression. `Scanner` is thousands of words and
expressions over each text in one pass: it tells which of them hit which text.

Rule 1: RE2 has the last word: what the set finds of expressions is looked at again by RE2, and what the set can't
    have (another dialect, too large a program) is looked for by RE2 alone. Words need no second look.
Rule 2: memory has a bound for each expression; RE2 without room for its automaton goes on, slower, and never guesses.
    (RE2's own set does not: without room it answers «nothing», silently, which is why it isn't used.)
Rule 3: a scanner may be used by several threads at once; each has scratch space of its own.

RE2's package has no types, and its parts are named here once, as what they are.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

import hyperscan

from huaxiang.portrait.pattern import PatternInvalid, literal, translated

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_PROGRAM: Final = 5_000
"""Instructions of an expression, as RE2 counts them; `.{0,20}` takes about 190, `.{0,200}` 1,800."""
MOST_IN_SET: Final = 800
"""Instructions up to which an expression goes into the set: compiling a larger one there takes half a second."""
MOST_MEMORY: Final = 512 << 10
"""Bytes for an expression's program and its automaton."""


class _Options(Protocol):
    max_mem: int
    case_sensitive: bool
    never_capture: bool
    log_errors: bool


class _Found(Protocol):
    def group(self) -> bytes: ...


class _Compiled(Protocol):
    programsize: int

    def search(self, text: bytes) -> _Found | None: ...


class _Re2(Protocol):
    error: type[Exception]

    def Options(self) -> _Options: ...  # noqa: N802 - RE2's own name

    def compile(self, pattern: str, options: _Options) -> _Compiled: ...


_re2 = cast("_Re2", import_module("re2"))


def _options() -> _Options:
    options = _re2.Options()
    options.max_mem = MOST_MEMORY
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    return options


_OPTIONS: Final = _options()


class Regex:
    """One expression over normalised texts. Raises `PatternInvalid` with RE2's own reason, or for its size.

    One that matches the empty text is refused too: it would hit every utterance.
    """

    def __init__(self, pattern: str) -> None:
        """Of `pattern`, in RE2's syntax, as a rule writes it."""
        decides, finds = translated(pattern)
        try:
            self._compiled = _re2.compile(decides, _OPTIONS)
        except _re2.error as error:
            reason = error.args[0] if error.args else b""
            said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            raise PatternInvalid(said or "not an expression that RE2 reads") from None
        if self._compiled.programsize > MOST_PROGRAM:
            raise PatternInvalid(f"too large: {self._compiled.programsize} instructions, at most {MOST_PROGRAM}")
        if self._compiled.search(b"") is not None:
            raise PatternInvalid("it matches an empty text, and so every utterance")
        self.finds = finds if self._compiled.programsize <= MOST_IN_SET else None

    def matches(self, text: bytes) -> bool:
        """Whether it matches anywhere in the normalised `text` (UTF-8)."""
        return self._compiled.search(text) is not None

    def matched(self, text: bytes) -> str:
        """The leftmost piece of `text` that it matches; empty where it matches nothing."""
        found = self._compiled.search(text)
        return "" if found is None else found.group().decode(errors="replace")


_OF_WORDS: Final = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_SINGLEMATCH
_OF_REGEXES: Final = _OF_WORDS | hyperscan.HS_FLAG_CASELESS


def _note(number: int, _start: int, _end: int, _flags: int, found: object) -> None:
    cast("list[int]", found).append(number)


class Scanner:
    """Which of `words` (normalised, not empty) and `regexes` hit which text; numbered in this order, words first."""

    def __init__(self, words: Sequence[str], regexes: Sequence[Regex]) -> None:
        """Compile the set; what it refuses, RE2 looks for alone."""
        self._words = len(words)
        self._regexes = tuple(regexes)
        expressions = [(number, literal(word), _OF_WORDS) for number, word in enumerate(words)]
        expressions += [
            (number, regex.finds, _OF_REGEXES)
            for number, regex in enumerate(regexes, len(words))
            if regex.finds is not None
        ]
        self._databases, refused = _databases(expressions)
        if refused and len(self._databases) > 1:
            self._databases, refused_too = _databases([one for one in expressions if one[0] not in refused])
            refused |= refused_too
        assert all(number >= self._words for number in refused), "a plain word is no trouble for any engine"
        self._alone = sorted(
            refused | {number for number, regex in enumerate(regexes, len(words)) if regex.finds is None}
        )
        self._scratches = threading.local()

    @property
    def alone(self) -> int:
        """How many expressions RE2 looks for one by one, since the set can't have them."""
        return len(self._alone)

    def hits(self, texts: Sequence[bytes]) -> dict[int, list[int]]:
        """Where each that hits any of `texts` (normalised, UTF-8) does: places in `texts`, ascending, by its number."""
        hits: dict[int, list[int]] = {}
        found: list[int] = []
        scans = [(database.scan, scratch) for database, scratch in self._own_scratches()]
        for at, text in enumerate(texts):
            for scan, scratch in scans:
                scan(text, _note, 0, found, scratch)
            if found:
                for number in found:
                    if number < self._words or self._regexes[number - self._words].matches(text):
                        hits.setdefault(number, []).append(at)
                found.clear()
        for number in self._alone:
            regex = self._regexes[number - self._words]
            if places := [at for at, text in enumerate(texts) if regex.matches(text)]:
                hits[number] = places
        return hits

    def _own_scratches(self) -> list[tuple[hyperscan.Database, hyperscan.Scratch]]:
        own: list[tuple[hyperscan.Database, hyperscan.Scratch]] | None = getattr(self._scratches, "own", None)
        if own is None:
            own = [(database, hyperscan.Scratch(database)) for database in self._databases]
            self._scratches.own = own
        return own


def _databases(expressions: list[tuple[int, str, int]]) -> tuple[list[hyperscan.Database], set[int]]:
    """The fewest databases that hold `expressions` (number, expression, flags), and the numbers that none can hold."""
    if not expressions:
        return [], set()
    numbers, written, flags = zip(*expressions, strict=True)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile([one.encode() for one in written], list(numbers), len(numbers), list(flags))
    except hyperscan.error:
        if len(expressions) == 1:
            return [], set(numbers)
        half = len(expressions) // 2
        (one, refused), (other, refused_too) = _databases(expressions[:half]), _databases(expressions[half:])
        return [*one, *other], refused | refused_too
    return [database], set()
