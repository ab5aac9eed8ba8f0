"""Every dispute about a receipt, and how it ended."""

from __future__ import annotations

from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Disputes"]

HEADS = '<th class="n">epoch</th><th>speaker</th><th>listener</th><th>outcome</th><th>listener\'s reward</th>'


class Disputes(Panel):
    title = "Disputes"
    lead = (
        "A speaker shows a receipt that its listener signed and that its claim did not count. Answered: the receipt "
        "is in the root that the listener posted. Upheld: it is not, and the listener loses its reward of the epoch."
    )

    def data(self, summary: Summary) -> Any:
        return plain(summary.disputes)

    def html(self, data: Any) -> str:
        """Nothing where there were none."""
        return f"<table><tr>{HEADS}</tr>{''.join(map(_row, data))}</table>" if data else ""


def _row(row: dict[str, Any]) -> str:
    return (
        f'<tr><td class="n">{row["epoch"]}</td><td>{escape(row["speaker"])}</td><td>{escape(row["listener"])}</td>'
        f'<td>{escape(row["outcome"])}</td><td class="bad">{"lost" if row["voided"] else ""}</td></tr>'
    )
