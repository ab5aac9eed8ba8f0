"""What the ledger holds, and what happened besides."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Books"]


class Books(Panel):
    title = "Ledger"

    def data(self, summary: Summary) -> Any:
        keys = ("transactions", "blocks", "supply", "notes")
        return {key: plain(getattr(summary, key)) for key in keys}

    def html(self, data: Any) -> str:
        held = f"{data['transactions']} transactions in {data['blocks']} blocks; supply {Decimal(data['supply']):,f} tokens."
        return f"<p>{held}</p>" + "".join(f"<p>{escape(note)}</p>" for note in data["notes"])
