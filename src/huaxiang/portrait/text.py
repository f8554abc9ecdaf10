"""One spelling for what is one text: full and half width, upper and lower case, one line for each utterance.

Takes texts as people and machines wrote them, gives them normalised: NFKC, case folded, NFKC again. The same is done
to a rule's words and regular expressions, so that `ＶＩＰ会员` in one meets `vip会员` in the other.

Rule 1: nothing outside compares texts that it has not normalised here, on both sides.
Rule 2: a line break within an utterance is a blank, so that a normalised text is one line.
Rule 3: texts are normalised together, joined by line breaks, which compose with nothing. Where all their characters are
    plain (ASCII, Han, their punctuation, full-width forms: none of which compose either), a few replacements give what
    the library gives, several times faster; any other character sends its batch the library's way.
Rule 4: what can't be UTF-8 (half of a surrogate pair) becomes a question mark.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN_RANGES: Final = (
    (0x0A, 0x0A),  # what joins
    (0x20, 0x7E),  # ASCII
    (0x2010, 0x2027),  # dashes, quotes, dots
    (0x3000, 0x3029),  # the CJK punctuation before its combining marks
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),  # Han
    (0xFF01, 0xFF5E),  # full-width ASCII
)
PLAIN: Final = frozenset(chr(code) for first, last in _PLAIN_RANGES for code in range(first, last + 1))
"""Characters that normalise each by itself, whatever stands beside them."""


def normalised(text: str) -> str:
    """The one spelling of `text`, the library's way."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _LINE_BREAK.sub(" ", unicodedata.normalize("NFKC", folded))


_LINE_BREAK: Final = re.compile(r"\r\n|[\n\r]")
_NOT_PLAIN: Final = re.compile("[^" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _PLAIN_RANGES) + "]")
_REPLACED: Final = {one: normalised(one) for one in sorted(PLAIN) if one > "\x7f" and normalised(one) != one}
_TO_REPLACE: Final = re.compile("[" + "".join(_REPLACED) + "]")


def normalised_lines(texts: Sequence[str]) -> list[bytes]:
    """Each of `texts` normalised, in UTF-8."""
    if not texts:
        return []
    joined = "\n".join(texts)
    if joined.count("\n") != len(texts) - 1 or "\r" in joined:
        joined = "\n".join(_LINE_BREAK.sub(" ", text) for text in texts)
    if _NOT_PLAIN.search(joined):
        joined = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", joined).casefold())
        return joined.encode(errors="replace").split(b"\n")
    for one in set(_TO_REPLACE.findall(joined)):
        joined = joined.replace(one, _REPLACED[one])
    # Of plain characters, only ASCII's letters have a case.
    return joined.encode().lower().split(b"\n")
