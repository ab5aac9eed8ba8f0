"""Every question of an audit that was doubted, and every neuron that contradicted itself."""

from __future__ import annotations

from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Challenges"]

HEADS = (
    '<th class="n">epoch</th><th>auditor</th><th>doubted by</th><th>neuron</th><th>task</th>'
    '<th class="n">question</th><th>outcome</th>'
)


class Challenges(Panel):
    title = "Challenges"
    lead = (
        "An auditor is asked for one question of its audit. Shown: it is in what the auditor revealed, and the neuron "
        "signed the answer. Upheld: it was not shown in time, and the auditor lost stake."
    )

    def data(self, summary: Summary) -> Any:
        return {"challenges": plain(summary.challenges), "contradictions": plain(summary.contradictions)}

    def html(self, data: Any) -> str:
        """Nothing where there were none."""
        rows = "".join(map(_row, data["challenges"]))
        table = f"<table><tr>{HEADS}</tr>{rows}</table>" if rows else ""
        return table + "".join(
            f"<p>Epoch {one['epoch']}: {escape(one['neuron'])} signed two contrary answers to one question for "
            f"{escape(one['auditor'])}, and lost stake.</p>"
            for one in data["contradictions"]
        )


def _row(row: dict[str, Any]) -> str:
    outcome = '<td class="bad">upheld</td>' if row["outcome"] == "upheld" else f"<td>{escape(row['outcome'])}</td>"
    return (
        f'<tr><td class="n">{row["epoch"]}</td><td>{escape(row["auditor"])}</td><td>{escape(row["by"])}</td>'
        f"<td>{escape(row['neuron'])}</td><td>{escape(row['task'])}</td>"
        f'<td class="n">{row["question"]}</td>{outcome}</tr>'
    )
