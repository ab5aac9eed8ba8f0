"""The figures that matter, large."""

from __future__ import annotations

from html import escape
from typing import Any

from klopf.network._panel import Panel
from klopf.network._summary import Summary

__all__ = ["Figures"]

TITLES = {"network": "the network", "best_neuron": "best neuron alone", "linear": "linear, all data pooled"}


class Figures(Panel):
    title = ""

    def data(self, summary: Summary) -> Any:
        titles = TITLES | ({"linear": "the most frequent answer"} if summary.measure == "likeness" else {})
        return {
            "titles": titles,
            "measure": summary.measure,
            "scores": summary.scores,
            "errors": summary.errors,
            "unit": summary.unit,
        }

    def html(self, data: Any) -> str:
        cells = "".join(
            f"<div><b>{'–' if value is None else f'{value:.1%}'}</b><span>{escape(data['titles'][key])}{_error(key, data)}</span></div>"
            for key, value in data["scores"].items()
        )
        return f'<div class="figures">{cells}</div>'


def _error(key: str, data: dict[str, Any]) -> str:
    """Of numbers: by how much it is off."""
    value = data["errors"].get(key)
    return "" if value is None else f" ({escape(data['measure'])}; off by {value:.3g} {escape(data['unit'])})"
