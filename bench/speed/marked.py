"""A page with the figures in their place, between two marks that a reader does not see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .figures import Part, markdown, worst

_BLOCK: Final = re.compile(r"(<!-- speed(?P<short>, in short)?: begin -->\n).*?(<!-- speed: end -->)", re.DOTALL)


class Unmarked(Exception):
    """The page has no place for the figures."""


def between(page: str, parts: Mapping[str, Part], on: str) -> str:
    """The page with the figures of `parts` between its marks; `on`: the machine, in words.

    Raises:
        Unmarked: it has no marks.

    """
    every = [figure for part in parts.values() for figure in part.figures]
    runs = "; ".join(f"{name} at the size {part.size}, {part.at[:10]}" for name, part in parts.items())

    def block(found: re.Match[str]) -> str:
        table = markdown(worst(every) if found["short"] else every)
        return f"{found[1]}On {on} ({runs}):\n\n{table}\n{found[3]}"

    written, places = _BLOCK.subn(block, page)
    if not places:
        raise Unmarked
    return written
