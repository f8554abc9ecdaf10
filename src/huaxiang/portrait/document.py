"""A YAML text -> its nodes, read with a pencil: whatever is wrong is noted with line and column, and reading goes on.

PyYAML's nodes are used, and not its values: a node knows its line and column, keeps a key that stands twice, and has
its text as it was written, so that `no` stays a word and `22:00` a time. (ruamel.yaml keeps places and comments too, by
a slower reader of its own; nothing here writes YAML back.)

Rule 1: all that is wrong is told at once, in the order of the lines; a text that is no YAML stops at its one error.
Rule 2: an unknown key is refused, with the known one that it may have been meant as.
Rule 3: aliases are followed, and what they multiply counts each time against one limit of nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Final, NamedTuple, NoReturn, Protocol, cast

import msgspec
import yaml

from huaxiang.errors import InputInvalid

MOST_CHARACTERS: Final = 4_000_000
"""Of a text."""
MOST_NODES: Final = 500_000
"""Of a text: keys and values."""
MOST_NESTING: Final = 64
"""Lists and objects inside each other."""
MOST_PROBLEMS: Final = 100
"""That are told; more are counted."""
LARGEST_NUMBER: Final = 1e12

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,13}(?:\.[0-9]{1,9})?")


class _Loader(Protocol):
    """So much of PyYAML's loaders as is used here, of which its stubs leave the types half open."""

    def check_event(self) -> bool: ...

    def get_event(self) -> yaml.Event: ...

    def get_single_node(self) -> yaml.Node | None: ...


_loader = cast("Callable[[str], _Loader]", yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)


class Problem(msgspec.Struct, frozen=True, order=True):
    """Something wrong in a text: where (from 1), in which rule and field, empty where neither is known, and what."""

    line: int
    column: int
    rule: str
    field: str
    reason: str

    def told(self, name: str) -> str:
        """As a line for a person; `name` is what the text is called."""
        where = f"{name}:{self.line}:{self.column}"
        return ": ".join(part for part in (where, self.rule and f"rule {self.rule}", self.field, self.reason) if part)


class RulesInvalid(InputInvalid):
    """A text that holds no ruleset; `problems` are all that is wrong with it, by line; `more` weren't noted."""

    def __init__(self, name: str, problems: tuple[Problem, ...], more: int = 0) -> None:
        """Keep the problems; the reason tells them all, a line each."""
        self.name = name
        self.problems = problems
        self.more = more
        told = [problem.told(name) for problem in problems] + ([f"and {more} more"] if more else [])
        super().__init__(field="rules", reason="\n".join(told))


class Spot(NamedTuple):
    """A node and its path in the document."""

    node: yaml.Node
    path: str


class Sheet:
    """The text being read: its problems so far, and which `rule` they belong to."""

    def __init__(self, text: str, name: str) -> None:
        """Of `text`, called `name` in what is told of it."""
        self.name = name
        self.rule = ""
        self._text = text
        self._problems: list[Problem] = []
        self._more = 0
        self._nodes = 0

    def root(self) -> Spot:
        """The whole. Raises `RulesInvalid` when it is no YAML, and when there is nothing."""
        if len(self._text) > MOST_CHARACTERS:
            self._stop(1, 1, f"longer than {MOST_CHARACTERS:,} characters")
        try:
            self._measure()
            node = _loader(self._text).get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self._stop(line, column, f"not YAML: {error.problem or error.context}")
        except yaml.reader.ReaderError as error:
            before = self._text[: error.position]
            self._stop(before.count("\n") + 1, error.position - before.rfind("\n"), f"not YAML: {error.reason}")
        if node is None:
            self._stop(1, 1, "nothing is in it; without any rule, it says so: rules: []")
        return Spot(node, "")

    def _measure(self) -> None:
        """Refuse what is nested too deeply before anything follows it down."""
        depth = 0
        loader = _loader(self._text)
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MOST_NESTING:
                    mark = event.start_mark
                    self._stop(mark.line + 1, mark.column + 1, f"more than {MOST_NESTING} lists inside each other")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _stop(self, line: int, column: int, reason: str) -> NoReturn:
        raise RulesInvalid(self.name, (Problem(line, column, "", "", reason),))

    def wrong(self, spot: Spot, reason: str) -> None:
        """Note what is wrong at `spot`."""
        if len(self._problems) >= MOST_PROBLEMS:
            self._more += 1
            return
        mark = spot.node.start_mark
        self._problems.append(Problem(mark.line + 1, mark.column + 1, self.rule, spot.path, reason))

    def settle(self) -> None:
        """Raise `RulesInvalid` if anything was wrong."""
        if self._problems:
            raise RulesInvalid(self.name, tuple(sorted(self._problems)), self._more)

    # ── kinds of nodes ────────────────────────────────────────────────────────────────────────────────────────────

    def fields(self, spot: Spot, known: Collection[str] | None) -> dict[str, Spot]:
        """The values of an object by key; `known`: the keys that it may have, None for any."""
        self._count(spot)
        if not isinstance(spot.node, yaml.MappingNode):
            self.wrong(spot, "an object is needed here: name: value")
            return {}
        found: dict[str, Spot] = {}
        for key, value in spot.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            at = Spot(key, f"{spot.path}.{name}" if spot.path else name)
            if not name:
                self.wrong(at, "a key is a word")
            elif name in found:
                self.wrong(at, "given twice")
            elif known is not None and name not in known:
                self.wrong(at, _unknown(name, known))
            else:
                found[name] = Spot(value, at.path)
        return found

    def items(self, spot: Spot, most: int, *, fewest: int = 1) -> list[Spot]:
        """The items of a list of at most so many, and at least as few."""
        self._count(spot)
        if not isinstance(spot.node, yaml.SequenceNode):
            self.wrong(spot, "a list is needed here")
            return []
        nodes = spot.node.value
        if len(nodes) < fewest:
            self.wrong(spot, "the list is empty")
        if len(nodes) > most:
            self.wrong(spot, f"{len(nodes)} items, at most {most}")
        return [Spot(node, f"{spot.path}[{index}]") for index, node in enumerate(nodes[:most])]

    def is_object(self, spot: Spot) -> bool:
        """Whether names and values stand here."""
        return isinstance(spot.node, yaml.MappingNode)

    def is_list(self, spot: Spot) -> bool:
        """Whether a list stands here."""
        return isinstance(spot.node, yaml.SequenceNode)

    def has_key(self, spot: Spot, names: Collection[str]) -> bool:
        """Whether an object has one of the keys."""
        node = spot.node
        return isinstance(node, yaml.MappingNode) and any(key.value in names for key, _ in node.value)

    def text(self, spot: Spot, longest: int) -> str:
        """A text as it is written, not blank; empty where it is wrong."""
        self._count(spot)
        if not isinstance(spot.node, yaml.ScalarNode) or not spot.node.value.strip():
            self.wrong(spot, "a text is needed here")
            return ""
        if len(spot.node.value) > longest:
            self.wrong(spot, f"{len(spot.node.value)} characters, at most {longest}")
            return ""
        return spot.node.value

    def texts(self, spot: Spot, most: int, longest: int) -> list[tuple[Spot, str]]:
        """A text, or a list of them, each with its place."""
        spots = self.items(spot, most) if isinstance(spot.node, yaml.SequenceNode) else [spot]
        return [(one, text) for one in spots if (text := self.text(one, longest))]

    def scalar(self, spot: Spot, longest: int) -> str | float | bool | None:
        """A text, a number, or true or false; what is quoted is text."""
        text = self.text(spot, longest)
        if not text or _quoted(spot.node):
            return text or None
        if text in {"true", "false"}:
            return text == "true"
        return float(text) if _NUMBER.fullmatch(text) else text

    def number(self, spot: Spot, least: float, *, whole: bool = False) -> float | None:
        """A number, not less than `least`."""
        value = self.scalar(spot, 64)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, float) or (whole and not value.is_integer()):
            self.wrong(spot, "a whole number is needed here" if whole else "a number is needed here")
        elif not least <= value <= LARGEST_NUMBER:
            self.wrong(spot, f"between {least:g} and {LARGEST_NUMBER:g}")
        else:
            return value
        return None

    def whole(self, spot: Spot, least: int) -> int | None:
        """A whole number, not less than `least`."""
        value = self.number(spot, least, whole=True)
        return None if value is None else int(value)

    def flag(self, spot: Spot) -> bool:
        """`true` or `false`."""
        value = self.scalar(spot, 64)
        if not isinstance(value, bool):
            self.wrong(spot, "true or false is needed here")
            return False
        return value

    def _count(self, spot: Spot) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self.wrong(spot, f"more than {MOST_NODES:,} values in one file")
            self.settle()


def _quoted(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.style)


def _unknown(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"unknown here; did you mean {near[0]}?" if near else f"unknown here; known: {', '.join(sorted(known))}"
