"""A row an auditor."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Auditors"]


class Auditors(Panel):
    title = "Auditors"

    def data(self, summary: Summary) -> Any:
        return plain(summary.auditors)

    def html(self, data: Any) -> str:
        rows = "".join(
            f"<tr><td>{escape(row['name'])}</td>"
            f"<td>{'honest' if row['honest'] else '<span class=bad>inflates</span>'}</td>"
            f'<td class="n">{Decimal(row["slashed"]):,.2f}</td></tr>'
            for row in data
        )
        return f'<table><tr><th>auditor<th><th class="n">slashed</tr>{rows}</table>'
