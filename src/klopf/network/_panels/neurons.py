"""A row a neuron."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Neurons"]

FEW = 40
"""Rows that are shown at once; the others open below."""


class Neurons(Panel):
    title = "Neurons"

    def data(self, summary: Summary) -> Any:
        return plain(sorted(summary.neurons, key=lambda row: (-row.heard, row.id)))

    def html(self, data: Any) -> str:
        heads = "<th>neuron<th>model<th>standing" + "".join(
            f'<th class="n">{name}' for name in ("heard", "audit", "earned", "slashed")
        )
        tables = [f"<table><tr>{heads}</tr>{''.join(map(_row, part))}</table>" for part in (data[:FEW], data[FEW:])]
        if len(data) <= FEW:
            return tables[0]
        return f"{tables[0]}<details><summary>{len(data) - FEW} more</summary>{tables[1]}</details>"


def _row(row: dict[str, Any]) -> str:
    name = escape(row["name"]) + ("" if row["honest"] else " <span class=bad>(adversary)</span>")
    audit = ", ".join(f"{escape(task)} {value:.0%}" for task, value in row["audit"].items()) or "–"
    figures = (f"{row['heard']:.1%}", audit, *(f"{Decimal(row[key]):,.2f}" for key in ("earned", "slashed")))
    cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
    return f"<tr><td>{name}</td><td>{escape(row['model'])}</td><td>{escape(row['standing'])}</td>{cells}</tr>"
