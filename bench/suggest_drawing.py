"""The figures of the suggestions' bench, as one SVG: a panel for each set, F1, precision and recall by threshold."""

from __future__ import annotations

from typing import Any

WIDTH, HEIGHT, LEFT, TOP, GAP = 330, 250, 56, 54, 52
COLOURS = {"huaxiang suggest": "#0b6e4f", "recordlinkage ECM": "#c2570c"}
EXACT, INK, FAINT, LINE = "#64748b", "#0f172a", "#475569", "#e2e8f0"
DASHES = {"f1": "", "precision": "6 3", "recall": "2 3"}
LOWEST, HIGHEST = -10, 20
FLOORS = (0.995, 0.99, 0.98, 0.95, 0.9, 0.75, 0.5)
SHOWN_WHOLE = range(-4, 11)
"""Between these weights the F1 of both ways lies in the panel; what is lower elsewhere lies on its floor."""


def drawn(sets: list[dict[str, Any]]) -> str:
    """The drawing, as text."""
    width, height = LEFT + len(sets) * (WIDTH + GAP), TOP + HEIGHT + 96
    font = 'font-family="system-ui, sans-serif" font-size="12"'
    title = "Suggestions, learnt without labels: F1, precision and recall by threshold"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {font}>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 22, title, f'font-size="15" font-weight="600" fill="{INK}"'),
    ]
    for place, one in enumerate(sets):
        parts += _panel(one, LEFT + place * (WIDTH + GAP))
    return "\n".join([*parts, *_legend(height - 30), "</svg>", ""])


def _panel(one: dict[str, Any], left: int) -> list[str]:
    """One set: the curves, and the exact ways as level lines."""
    low = _lowest(one)
    parts = [f'<g transform="translate({left},{TOP})">']
    parts.append(_text(0, -8, f"{one['name']}: {one['records']:,} records", f'font-weight="600" fill="{INK}"'))
    for step in range(6):
        value = low + (1 - low) * step / 5
        parts.append(_line(0, WIDTH, _y(value, low), f'stroke="{LINE}"'))
        parts.append(_text(-6, _y(value, low) + 4, f"{value:.4g}", f'text-anchor="end" fill="{FAINT}"'))
    middle = f'text-anchor="middle" fill="{FAINT}"'
    parts += [_text(_x(weight), HEIGHT + 16, str(weight), middle) for weight in range(LOWEST, HIGHEST + 1, 5)]
    parts.append(f'<line x1="{_x(0):.1f}" x2="{_x(0):.1f}" y1="0" y2="{HEIGHT}" stroke="#94a3b8"/>')
    parts.append(_text(WIDTH / 2, HEIGHT + 34, "least weight (log2 of the odds)", middle))
    for way in one["ways"]:
        if "by_threshold" in way:
            parts += _curves(way, low)
    return [*parts, *_levels([way for way in one["ways"] if "by_threshold" not in way], low), "</g>"]


def _curves(way: dict[str, Any], low: float) -> list[str]:
    """F1, precision and recall of one way."""
    lines: list[str] = []
    for measure, dash in DASHES.items():
        points = " ".join(f"{_x(at['weight']):.1f},{_y(at[measure], low):.1f}" for at in way["by_threshold"])
        pen = f'stroke="{COLOURS[way["way"]]}" stroke-width="{1.2 if dash else 2}" stroke-dasharray="{dash}"'
        lines.append(f'<polyline points="{points}" fill="none" {pen}/>')
    return lines


def _levels(ways: list[dict[str, Any]], low: float) -> list[str]:
    """The F1 of the ways without a threshold: a line if it lies in the panel, and words that keep off each other."""
    parts: list[str] = []
    lowest_free = HEIGHT - 4.0
    for way in sorted(ways, key=lambda way: way["f1"]):
        y = _y(way["f1"], low)
        if way["f1"] >= low:
            parts.append(_line(0, WIDTH, y, f'stroke="{EXACT}" stroke-dasharray="1 3"'))
        lowest_free = min(y - 4, lowest_free)
        look = f'text-anchor="end" font-size="10" fill="{EXACT}"'
        parts.append(_text(WIDTH - 2, lowest_free, f"{way['way']} ({way['f1']:.3f})", look))
        lowest_free -= 12
    return parts


def _lowest(one: dict[str, Any]) -> float:
    """Where a panel begins."""
    curves = [at for way in one["ways"] for at in way.get("by_threshold", [])]
    middle = [at["f1"] for at in curves if at["weight"] in SHOWN_WHOLE]
    return next((floor for floor in FLOORS if floor <= min(middle)), 0.0)


def _x(weight: float) -> float:
    return (weight - LOWEST) / (HIGHEST - LOWEST) * WIDTH


def _y(value: float, low: float) -> float:
    return HEIGHT - (max(value, low) - low) / (1 - low) * HEIGHT


def _text(x: float, y: float, words: str, look: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{words}</text>'


def _line(x: float, to: float, y: float, look: str) -> str:
    return f'<line x1="{x:.1f}" x2="{to:.1f}" y1="{y:.1f}" y2="{y:.1f}" {look}/>'


def _legend(y: int) -> list[str]:
    """Which colour is which way, which dash is which measure."""
    parts: list[str] = []
    x = LEFT
    for name, colour in (*COLOURS.items(), ("exact matching (F1)", EXACT)):
        pen = f'stroke="{colour}" stroke-width="2"'
        parts += [_line(x, x + 24, y, pen), _text(x + 30, y + 4, name, f'fill="{INK}"')]
        x += 190
    for name, dash in DASHES.items():
        parts += [_line(x, x + 24, y, f'stroke="{INK}" stroke-dasharray="{dash}"'), _text(x + 30, y + 4, name, "")]
        x += 110
    return parts
