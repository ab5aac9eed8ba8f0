"""Who listens to whom: neurons on a circle or, where they are many, the most heard in the middle."""

from __future__ import annotations

import math
from decimal import Decimal
from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Picture", "first", "places", "strongest"]

WIDTH, HEIGHT, ORBIT = 720, 520, 190
LEAST = 0.02
"""Links that are weaker are not drawn."""
FEW = 12
"""Neurons that find room on the circle with their names, and links for each of so many that can be told apart."""
MIDDLE, DISC, LIST = (255.0, 260.0), 235.0, 545
"""Of many: the middle and the radius of the disc that they fill, and where the names of the first are."""
GOLDEN = math.pi * (3 - math.sqrt(5))
"""An angle, in turns of which points on a spiral are as far apart as they can be."""
RING = 2.5
"""Between a neuron and the ring around it, where they are many."""
DASHES = {"backbone": "", "fringe": 'stroke-dasharray="6 4"', "silent": 'stroke-dasharray="1.5 4"'}
Place = tuple[float, float]


class Picture(Panel):
    title = "Who is heard"
    lead = (
        "The darker and larger a neuron, the higher its rank by contribution (its number). Ring: solid backbone, dashed "
        "fringe, dotted and crossed out silent. An arrow points to who is listened to; the thicker, the more. Of many neurons "
        "the most heard is in the middle, and only the strongest arrows are drawn."
    )

    def data(self, summary: Summary) -> Any:
        order = sorted(summary.neurons, key=lambda row: (-row.heard, row.id))
        ranks = {row.name: rank for rank, row in enumerate(order, start=1)}
        keys = ("name", "standing", "heard", "earned")
        neurons = [
            {key: plain(getattr(row, key)) for key in keys} | {"rank": ranks[row.name]} for row in summary.neurons
        ]
        return {"neurons": neurons, "links": plain(summary.links)}

    def html(self, data: Any) -> str:
        """Colour goes by rank, since by value one giant would bleach everybody else."""
        count = max(1, len(data["neurons"]))
        place, radius = places(data["neurons"])
        outside = sorted({link["listener"] for link in data["links"]} - place.keys())
        for i, name in enumerate(outside):
            at = (WIDTH / 2, HEIGHT / 2) if count <= FEW else (LIST + 60, HEIGHT - 60)
            place[name] = (at[0] + 60 * (i - (len(outside) - 1) / 2), at[1])
        links = strongest(data["links"])
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="The network: who listens to whom">'
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="5" markerHeight="5" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="var(--faint)"/></marker></defs>'
            + "".join(_arrow(link, place, radius) for link in links)
            + "".join(_neuron(row, place[row["name"]], radius[row["name"]], count) for row in data["neurons"])
            + "".join(_outsider(name, place[name]) for name in outside)
            + (_first(data["neurons"]) if count > FEW else "")
            + "</svg>"
        )


def places(neurons: list[dict[str, Any]]) -> tuple[dict[str, Place], dict[str, float]]:
    """Where each neuron of a picture of WIDTH by HEIGHT is, and its radius."""
    return _circle(neurons) if len(neurons) <= FEW else _disc(neurons)


def _circle(neurons: list[dict[str, Any]]) -> tuple[dict[str, Place], dict[str, float]]:
    """Where each is, and its radius: in the order of registration."""
    count = max(1, len(neurons))
    turns = {row["name"]: 2 * math.pi * i / count for i, row in enumerate(neurons)}
    place = {name: (WIDTH / 2 + ORBIT * math.sin(t), HEIGHT / 2 - ORBIT * math.cos(t)) for name, t in turns.items()}
    return place, {row["name"]: 14 + 16 * (1 - (row["rank"] - 1) / count) for row in neurons}


def _disc(neurons: list[dict[str, Any]]) -> tuple[dict[str, Place], dict[str, float]]:
    """The same on a spiral that fills a disc, by rank; none covers another."""
    pace = DISC / math.sqrt(len(neurons))
    place = {}
    for row in neurons:
        far, turn = pace * math.sqrt(row["rank"] - 0.5), row["rank"] * GOLDEN
        place[row["name"]] = (MIDDLE[0] + far * math.cos(turn), MIDDLE[1] + far * math.sin(turn))
    return place, {row["name"]: (0.8 - 0.25 * row["rank"] / len(neurons)) * pace - RING for row in neurons}


def strongest(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many arrows as can be told apart."""
    return sorted(links, key=lambda link: -link["weight"])[: FEW * FEW]


def first(neurons: list[dict[str, Any]]) -> list[str]:
    """A line for each of the most heard, by rank."""
    most = sorted(neurons, key=lambda row: row["rank"])[:FEW]
    return [f"{row['rank']}  {row['name']}, {row['heard']:.1%}" for row in most]


def _first(neurons: list[dict[str, Any]]) -> str:
    return "".join(f'<text x="{LIST}" y="{40 + 24 * i}">{escape(line)}</text>' for i, line in enumerate(first(neurons)))


def _arrow(link: dict[str, Any], place: dict[str, Place], radius: dict[str, float]) -> str:
    if link["weight"] < LEAST or link["speaker"] not in place:
        return ""
    (x1, y1), (x2, y2) = place[link["listener"]], place[link["speaker"]]
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    stop = radius.get(link["speaker"], 12) + 5
    x2, y2 = x2 - (x2 - x1) * stop / length, y2 - (y2 - y1) * stop / length
    bend_x, bend_y = (x1 + x2) / 2 + (y2 - y1) * 0.08, (y1 + y2) / 2 - (x2 - x1) * 0.08
    said = f"{escape(link['listener'])} listens to {escape(link['speaker'])}: {link['weight']:.0%}"
    return (
        f'<path d="M{x1:.0f} {y1:.0f}Q{bend_x:.0f} {bend_y:.0f} {x2:.0f} {y2:.0f}" fill="none" '
        f'stroke="var(--faint)" stroke-width="{0.5 + 5 * link["weight"]:.1f}" opacity=".55" marker-end="url(#tip)">'
        f"<title>{said}</title></path>"
    )


def _neuron(row: dict[str, Any], place: Place, r: float, count: int) -> str:
    x, y = place
    light = 92 - round(70 * (1 - (row["rank"] - 1) / max(1, count - 1)))
    ink, name = "#fff" if light < 55 else "#111", escape(row["name"])
    cross = (
        f'<path d="M{x - r:.0f} {y - r:.0f}L{x + r:.0f} {y + r:.0f}" stroke="var(--warn)" stroke-width="2.5"/>'
        if row["standing"] == "silent"
        else ""
    )
    said = f"{name}: {escape(row['standing'])}, heard {row['heard']:.1%}, earned {Decimal(row['earned']):,.2f}"
    few = count <= FEW
    number = (
        f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" style="fill:{ink};font-weight:600">{row["rank"]}</text>'
        if r > 10
        else ""
    )
    label = f'<text x="{x:.0f}" y="{y + r + 20:.0f}" text-anchor="middle">{name}</text>' if few else ""
    ring, wide = (4, 2.0) if few else (RING, min(2.0, r / 8))
    return (
        f'<g><circle cx="{x:.1f}" cy="{y:.1f}" r="{r + ring:.1f}" fill="var(--paper)" stroke="var(--ink)" '
        f'stroke-width="{wide:.1f}" {DASHES.get(row["standing"], "")}/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="hsl(212 45% {light}%)"/>'
        f"{number}{cross}{label}<title>{said}</title></g>"
    )


def _outsider(name: str, place: Place) -> str:
    x, y = place
    return (
        f'<rect x="{x - 9:.0f}" y="{y - 9:.0f}" width="18" height="18" fill="var(--accent)"/>'
        f'<text x="{x:.0f}" y="{y + 26:.0f}" text-anchor="middle">{escape(name)}</text>'
    )
