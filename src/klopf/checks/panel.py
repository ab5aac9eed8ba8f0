"""Is this a panel that a page can show, whatever strangers call themselves?"""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

from klopf.checks._promise import derived, promise
from klopf.extensions import said
from klopf.network import Panel, Summary
from klopf.network._fragment import Fragment, fault_of
from klopf.network._summary import AuditorRow, Dispute, Heard, Link, Moment, NeuronRow, Payment

__all__ = ["check_panel"]

_HOSTILE = '<klopf-evil a="1">" onmouseover="evil()" x=\'& \' onclick=\'evil()'


def check_panel(panel: type[Panel]) -> None:
    """Check that ``panel`` gives plain data and a safe fragment, the same each time, also for a run without anything.

    Raises:
        AssertionError: one line that says which promise is broken.
    """
    derived(panel, Panel, "check_panel")
    with promise(panel.__name__, panel):
        _check(panel, panel.__name__)


def _check(panel: type[Panel], name: str) -> None:
    for what in ("title", "lead"):
        text = getattr(panel, what, None)
        assert type(text) is str and text.isprintable(), f"{name}.{what} must be text on one line"
        assert "<" not in text, f"{name}.{what} is text, not HTML: the page escapes it"
    try:
        made = panel()
    except TypeError as error:
        raise AssertionError(f"{name} must be made without arguments: {error}") from None
    for what, summary in (
        ("a run without anything", Summary("", 0, 0.0)),
        ("a run that has just begun", _summary("ada", 0)),
        ("a run", _summary("ada", 3)),
        ("a run of hostile names", _summary(_HOSTILE, 3)),
    ):
        _check_summary(made, f"{name} on {what}", summary)


def _check_summary(made: Panel, what: str, summary: Summary) -> None:
    before = copy.deepcopy(summary)
    data = _tried(f"{what}: data()", lambda: made.data(summary))
    assert summary == before, f"{what}: data() changes the summary, which others read too"
    try:
        again = json.loads(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{what}: data() cannot travel as JSON ({error}); see klopf.network.plain") from None
    assert again == data, f"{what}: data() is not the same after a journey as JSON: use lists and text keys"
    assert made.data(summary) == data, f"{what}: data() is not the same when asked again"
    shown = _tried(f"{what}: html()", lambda: made.html(data))
    assert type(shown) is str, f"{what}: html() must give text"
    assert data == again, f"{what}: html() changes its data"
    assert made.html(again) == shown, f"{what}: html() is not the same for the same data"
    _check_fragment(what, shown)


def _tried(what: str, call: Any) -> Any:
    try:
        return call()
    except Exception as error:
        raise AssertionError(f"{what} fails: {said(error)}") from error


def _check_fragment(what: str, shown: str) -> None:
    assert "klopf-evil" not in Fragment(shown).tags, f"{what}: html() has a name that is not escaped: see html.escape"
    fault = fault_of(shown)
    assert fault is None, f"{what}: html() {fault}"


def _summary(name: str, epochs: int) -> Summary:
    """A made-up run whose people are called ``name`` and more."""
    names = [f"{name}{i}" for i in range(4)]
    money = Decimal("1234.000000000000000001")
    standings = ("backbone", "fringe", "silent", "applicant")
    heard = Heard(names[0], money, 0.5, 0.25, 7, money)
    audit = {name: 0.5} if epochs else {}
    return Summary(
        name=name,
        seed=0,
        seconds=1.5,
        unit=name,
        spread=2.0 * (epochs > 0),
        neurons=[
            NeuronRow(i, who, name, i != 3, standings[i], 0.25 * (epochs > 0), audit, money, money)
            for i, who in enumerate(names)
        ],
        auditors=[AuditorRow(9, f"{name}9", False, money)],
        moments=[Moment(epoch, 0.9, 0.8, dict.fromkeys(names[:3], 0.7)) for epoch in range(1, epochs + 1)],
        links=[Link(f"{name}8", names[0], 0.9), Link(names[1], names[0], 0.5)] if epochs else [],
        payments=[Payment(e, names[0], money, money, 0.5, 0.25, (heard,)) for e in range(1, epochs + 1)],
        disputes=[Dispute(1, names[0], names[1], name, True)] if epochs else [],
        transactions=3 * epochs,
        blocks=epochs,
        supply=money,
        notes=[f"{name} died and was started again"] if epochs else [],
    )
