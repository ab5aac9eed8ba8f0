"""What came of worlds, drawn: SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

__all__ = ["changes", "front", "steps"]

_BLUE, _RED, _GREY, _GREEN = "#3b6fb6", "#b5423c", "#667085", "#3f8f5a"
_COLOURS = (_RED, _BLUE, _GREEN, _GREY)


def _open(wide: int, tall: int, title: str, below: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" font-family="system-ui, sans-serif" '
        f'font-size="12" role="img"><title>{escape(title)}</title><rect width="{wide}" height="{tall}" fill="#fff"/>'
        f'<text x="16" y="22" font-size="15">{escape(title)}</text>'
        f'<text x="16" y="40" fill="{_GREY}">{escape(below)}</text>'
    ]


def front(points: Mapping[str, tuple[float, float]], best: Sequence[bool], across: str, up: str) -> str:
    """Policies by two aims that are both to be small; those of ``best``, on the front, are filled and joined."""
    parts = _open(
        560, 360, "Who is beaten by nobody in everything", f"across: {across}; up: {up}; both are to be small"
    )
    spots = np.array(list(points.values()), np.float64)
    least, most = spots.min(0), spots.max(0)
    span = np.where(most > least, most - least, 1.0)
    at = (spots - least) / span * [400.0, -240.0] + [70.0, 320.0]
    on = sorted((tuple(at[i]) for i in range(len(at)) if best[i]), key=lambda spot: spot[0])
    parts.append(
        '<polyline fill="none" stroke="#c3d0e4" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in on) + '"/>'
    )
    for i, name in enumerate(points):
        x, y = at[i]
        fill = _BLUE if best[i] else "#fff"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="{_BLUE}"/>'
            f'<text x="{x + 9:.1f}" y="{y + 4:.1f}">{escape(name)} ({spots[i, 0]:,.5g}, {spots[i, 1]:,.5g})</text>'
        )
    return "".join([*parts, "</svg>"])


def changes(change: Sequence[float], transfers: Sequence[float], title: str) -> str:
    """What each household gains (up) or loses (down), and an outline of what it has after compensation."""
    x = np.asarray(change, np.float64)
    after = x + np.asarray(transfers, np.float64)
    wide = max(2.0, min(24.0, 520.0 / max(1, len(x))))
    scale = 110.0 / max(1e-9, float(np.abs(x).max(initial=0.0)), float(np.abs(after).max(initial=0.0)))
    below = (
        f"filled: gain or loss, money ({x.min(initial=0.0):+,.2f} to {x.max(initial=0.0):+,.2f}); outline: compensated"
    )
    parts = _open(560, 320, title, below)
    for i in range(len(x)):
        for value, fill, stroke in ((x[i], _BLUE if x[i] >= 0 else _RED, "none"), (after[i], "none", _GREY)):
            high = abs(value) * scale
            top = 180.0 - high if value >= 0 else 180.0
            parts.append(f'<rect x="{20 + i * wide:.1f}" y="{top:.1f}" width="{wide * 0.8:.1f}" height="{high:.1f}" '
                         f'fill="{fill}" stroke="{stroke}"/>')  # fmt: skip
    return "".join([*parts, f'<line x1="16" x2="544" y1="180" y2="180" stroke="{_GREY}"/></svg>'])


def steps(lines: Mapping[str, Sequence[float]], hours: float, title: str) -> str:
    """Lines over time, one a name, each a value a step of ``hours``."""
    most = max(1e-9, *(max(values, default=0.0) for values in lines.values()))
    long = max(1, *(len(values) for values in lines.values()))
    parts = _open(560, 300, title, f"most {most:,.4g}; {long * hours / 24:,.3g} days from left to right")
    for number, (name, values) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{16 + 520 * i / long:.1f},{260 - 190 * value / most:.1f}" for i, value in enumerate(values))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'
                     f'<text x="{16 + 170 * number}" y="286" fill="{colour}">{escape(name)}</text>')  # fmt: skip
    return "".join([*parts, "</svg>"])
