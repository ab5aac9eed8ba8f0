"""The figures that matter, large."""

from __future__ import annotations

from typing import Any

from klopf.network._panel import Panel
from klopf.network._summary import Summary

__all__ = ["Figures"]

TITLES = {"network": "the network", "best_neuron": "best neuron alone", "linear": "linear, all data pooled"}


class Figures(Panel):
    title = ""

    def data(self, summary: Summary) -> Any:
        return summary.accuracy

    def html(self, data: Any) -> str:
        cells = "".join(
            f"<div><b>{'–' if value is None else f'{value:.1%}'}</b><span>{TITLES[key]}</span></div>"
            for key, value in data.items()
        )
        return f'<div class="figures">{cells}</div>'
