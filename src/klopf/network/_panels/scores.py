"""Scores on the test set by epoch, as lines."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Scores"]

WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT = 720, 320, 46, 30, 130
GRID = (0, 0.25, 0.5, 0.75, 1)
FEW = 16
"""Neurons whose names find room beside their lines."""
RANKS = {"best neuron": 1.0, "upper quarter": 0.75, "median neuron": 0.5, "lower quarter": 0.25, "worst neuron": 0.0}
"""What is drawn of more."""


class Scores(Panel):
    title = "Scores over time"
    lead = "On the held-out test set; of many neurons the best, the median and the quarters of each epoch."

    def data(self, summary: Summary) -> Any:
        return {
            "measure": summary.measure,
            "moments": plain(summary.moments),
            "honest": {row.name: row.honest for row in summary.neurons},
        }

    def html(self, data: Any) -> str:
        moments, honest = data["moments"], data["honest"]
        if not moments:
            return "<p>No epoch was completed.</p>"
        if len(honest) > FEW:
            moments = [{**m, "neurons": _ranked(list(m["neurons"].values()))} for m in moments]
            honest = dict.fromkeys(RANKS, True)
        last = max(1, len(moments) - 1)

        def x(i: int) -> float:
            return LEFT + (WIDTH - LEFT - RIGHT) * i / last

        grid = "".join(
            f'<path d="M{LEFT} {_y(v):.1f}H{WIDTH - RIGHT}" stroke="var(--line)"/>'
            f'<text class="faint" x="{LEFT - 8}" y="{_y(v) + 4:.1f}" text-anchor="end">{v:.0%}</text>'
            for v in GRID
        )
        ticks = "".join(
            f'<text class="faint" x="{x(i):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{m["epoch"]}</text>'
            for i, m in enumerate(moments)
            if len(moments) <= 20 or i % (len(moments) // 10) == 0
        )
        alone = "".join(
            _line(
                [m["neurons"].get(name) for m in moments],
                x,
                f'stroke="var(--{"faint" if ok else "warn"})" stroke-width="1.3"',
            )
            for name, ok in honest.items()
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(data["measure"])} on the test set by epoch">'
            f"{grid}{ticks}{alone}"
            + _line([m["linear"] for m in moments], x, 'stroke="var(--ink)" stroke-width="1.8" stroke-dasharray="7 4"')
            + _line([m["network"] for m in moments], x, 'stroke="var(--accent)" stroke-width="3.2"')
            + _labels(moments[-1], honest, x(last) + 8)
            + "</svg>"
        )


def _ranked(scores: list[float]) -> dict[str, float]:
    """The scores at certain ranks, where there are too many to tell their lines apart."""
    order = sorted(scores)
    return {name: order[round(rank * (len(order) - 1))] for name, rank in RANKS.items()} if order else {}


def _y(value: float) -> float:
    return 10 + (HEIGHT - BOTTOM - 10) * (1 - max(0.0, value))


def _line(values: list[float | None], x: Callable[[int], float], style: str) -> str:
    """A line through the epochs that have a value; it ends where a neuron falls silent."""
    points = " ".join(f"{x(i):.1f},{_y(v):.1f}" for i, v in enumerate(values) if v is not None)
    return f'<polyline points="{points}" fill="none" {style}/>'


def _labels(last: dict[str, Any], honest: dict[str, bool], x: float) -> str:
    """Names at the ends of the lines, pushed apart so that none covers another."""
    wanted = [(_y(last["network"]), "the network", "font-weight:600"), (_y(last["linear"]), "linear, pooled", "")]
    wanted += [(_y(value), name, "") for name, value in last["neurons"].items() if name in honest]
    placed, text = -100.0, ""
    for height, name, style in sorted(wanted):
        placed = max(height, placed + 14)
        text += f'<text x="{x:.0f}" y="{placed + 4:.0f}" style="{style}">{escape(name)}</text>'
    return text
