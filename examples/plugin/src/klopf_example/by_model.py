"""A panel of a run's page: what each kind of model earned."""

from html import escape
from typing import Any

from klopf.network import Panel, Summary, plain


class ByModel(Panel):
    title = "Pay by model"

    def data(self, summary: Summary) -> Any:
        earned: dict[str, Any] = {}
        for row in summary.neurons:
            earned[row.model] = earned.get(row.model, 0) + row.earned
        return plain(dict(sorted(earned.items())))

    def html(self, data: Any) -> str:
        rows = "".join(f"<tr><td>{escape(model)}</td><td>{escape(pay)}</td></tr>" for model, pay in data.items())
        return f"<table><tr><th>model</th><th>tokens</th></tr>{rows}</table>"
