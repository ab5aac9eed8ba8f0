"""What a panel of a page is, and which there are."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any, ClassVar

from klopf.extensions import Point
from klopf.network._summary import Summary

__all__ = ["PANELS", "Panel", "plain"]


class Panel(ABC):
    """One part of a page about a run: what it shows, and how. A recipe::

        from html import escape

        from klopf.network import Panel, Summary

        class Richest(Panel):
            title = "Who earned most"

            def data(self, summary: Summary) -> list[str]:
                return [row.name for row in sorted(summary.neurons, key=lambda row: -row.earned)[:3]]

            def html(self, data: list[str]) -> str:
                return "".join(f"<p>{escape(name)}</p>" for name in data)

    and in ``pyproject.toml``, under a name of its own::

        [project.entry-points."klopf.panels"]
        richest = "my_package:Richest"

    It is then part of every ``report.html``. ``klopf.checks.check_panel`` tries what it promises.
    """

    title: ClassVar[str]
    """Its heading, as text; empty for none."""
    lead: ClassVar[str] = ""
    """A sentence or two under the heading that say how to read it, as text."""

    @abstractmethod
    def data(self, summary: Summary) -> Any:
        """What it shows, made of dicts with text keys, lists, text, numbers, booleans and None alone: it may travel to
        a page as JSON. The same for the same ``summary``, which may be of a run in which nothing has happened yet;
        money as text, which :func:`klopf.network.plain` sees to."""

    @abstractmethod
    def html(self, data: Any) -> str:
        """``data`` as a fragment of HTML or SVG; empty to be left out. It loads nothing and runs nothing, and every
        text in it goes through :func:`html.escape`: names are what strangers choose."""


PANELS = Point(
    "klopf.panels",
    "panel",
    "klopf.network._panel:Panel",
    {
        "figures": "klopf.network._panels.figures:Figures",
        "network": "klopf.network._panels.picture:Picture",
        "scores": "klopf.network._panels.scores:Scores",
        "neurons": "klopf.network._panels.neurons:Neurons",
        "auditors": "klopf.network._panels.auditors:Auditors",
        "payments": "klopf.network._panels.payments:Payments",
        "disputes": "klopf.network._panels.disputes:Disputes",
        "challenges": "klopf.network._panels.challenges:Challenges",
        "ledger": "klopf.network._panels.books:Books",
    },
)
"""Every panel in the order of the page; each needs one line here, or an entry point in a package of its own."""


def plain(value: Any) -> Any:
    """``value`` with records as dicts, sequences as lists and money as text, for :meth:`Panel.data`.

    >>> plain((1, Decimal("2.50")))
    [1, '2.50']
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return f"{value:f}" if isinstance(value, Decimal) else value
