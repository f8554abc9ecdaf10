"""The figures as one SVG: a row for each, a bar as long as the goal is reached, and a line where it is.

Takes figures; gives text. The scale is of powers of two: a bar that ends one step right of the line is twice as good.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Final
from xml.sax.saxutils import escape

from .figures import Figure, cells

ROW, TOP, LABELS, BARS, NUMBERS, BELOW = 26, 78, 470, 420, 330, 34
REACHED, MISSED, INK, FAINT, LINE = "#0b6e4f", "#c2570c", "#0f172a", "#475569", "#e2e8f0"
LOWEST, HIGHEST = -6, 4
"""The ends of the scale: a 64th of the goal, and 16 times the goal. What lies beyond ends there."""

_TITLE: Final = "How fast, as ratios to what the machine can do"


def drawn(figures: Sequence[Figure], told: str) -> str:
    """The drawing, as text; `told`: a line on where and when it was measured."""
    width, height = LABELS + BARS + NUMBERS, TOP + ROW * len(figures) + BELOW
    font = 'font-family="system-ui, sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {font}>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, _TITLE, f'font-size="15" font-weight="600" fill="{INK}"'),
        _text(16, 44, told, f'fill="{FAINT}"'),
        *_scale(height - BELOW),
    ]
    for place, one in enumerate(figures):
        parts += _row(one, TOP + ROW * place)
    return "\n".join([*parts, *_legend(height - 12), "</svg>", ""])


def _scale(bottom: int) -> list[str]:
    """The upright lines, and what they stand for."""
    parts: list[str] = []
    for step in range(LOWEST, HIGHEST + 1):
        goal = step == 0
        words = "the goal" if goal else f"{2**step}×" if step > 0 else f"1/{2**-step}"
        pen = f'stroke="{INK if goal else LINE}"' + (' stroke-width="1.5"' if goal else "")
        parts.append(f'<line x1="{_x(step):.1f}" x2="{_x(step):.1f}" y1="{TOP - 8}" y2="{bottom}" {pen}/>')
        parts.append(_text(_x(step), TOP - 14, words, f'text-anchor="middle" font-size="10" fill="{FAINT}"'))
    return parts


def _row(one: Figure, top: int) -> list[str]:
    """One figure: what it is, its bar, and its numbers."""
    what, against, result, goal, _ = cells(one)
    label = (what if against == "-" else f"{what} ÷ {against}").replace("`", "")
    end, colour = _x(log2(one.share)), REACHED if one.reached else MISSED
    return [
        _text(LABELS - 10, top + 15, label, f'text-anchor="end" font-size="11" fill="{INK}"'),
        f'<rect x="{LABELS}" y="{top + 4}" width="{end - LABELS:.1f}" height="{ROW - 10}" fill="{colour}"/>',
        _text(LABELS + BARS + 12, top + 15, f"{result}; goal {goal}", f'font-size="11" fill="{INK}"'),
    ]


def _legend(y: int) -> list[str]:
    parts: list[str] = []
    x = LABELS
    for colour, words in ((REACHED, "goal reached"), (MISSED, "not reached")):
        parts.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(x + 18, y, words, f'fill="{INK}"'))
        x += 130
    parts.append(_text(x, y, "each step to the right is twice as good", f'fill="{FAINT}"'))
    return parts


def _x(step: float) -> float:
    """Where a bar ends that reaches 2 to the power of `step` of its goal."""
    return LABELS + (min(max(step, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST) * BARS


def _text(x: float, y: float, words: str, look: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(words)}</text>'
