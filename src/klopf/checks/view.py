"""Is this a view that a page can show, whatever happens on a ledger and whatever strangers call themselves?"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any

from klopf.checks._promise import derived, promise
from klopf.console.web import Column, Network, View
from klopf.console.web.view import Kind
from klopf.extensions import said
from klopf.ledger import events
from klopf.network import Tally

__all__ = ["check_view"]

_HOSTILE = '<img src=x onerror="evil()">\x1b[31m'
_KINDS = typing.get_args(Kind)
_ROUNDS = 40
_MOST = 5_000
_MARKET = (*(f"0x{n:040x}" for n in (1, 2, 3)), 7 * 10**17, 5 * 10**16, 10**18, 86_400)
"""Terms by which tokens are lent."""


class _Made(Network):
    """A network in which everything happens that can."""

    def __init__(self) -> None:
        self.name, self.tally = "checked", Tally()

    def named(self, id: int) -> str:
        return f"{_HOSTILE}{id}"


def check_view(view: type[View]) -> None:
    """Check that ``view`` gives plain rows of its columns, says each once, the same each time, and does not keep
    everything that ever happened.

    Raises:
        AssertionError: one line that says which promise is broken.
    """
    derived(view, View, "check_view")
    with promise(view.__name__, view):
        _check(view, view.__name__)


def _check(view: type[View], name: str) -> None:
    for what in ("title", "lead"):
        text = getattr(view, what, None)
        assert type(text) is str and text.isprintable(), f"{name}.{what} must be text on one line"
    assert view.title, f"{name}.title is empty: say what it shows"
    columns = view.columns
    assert columns and all(isinstance(one, Column) for one in columns), f"{name}.columns must be Columns"
    strange = [one.kind for one in columns if one.kind not in _KINDS]
    assert not strange, f"{name}.columns: there is no kind {strange}; one of {', '.join(_KINDS)}"
    first, second = _rows(view, name), _rows(view, name)
    assert first == second, f"{name} does not say the same of the same events"
    assert len(first) <= _MOST, f"{name} has {len(first)} rows after {_ROUNDS} rounds of events: let old ones go (None)"


def _rows(view: type[View], name: str) -> dict[str, Any]:
    """The rows after everything has happened many times to three participants."""
    network = _Made()
    made = view(network)
    rows: dict[str, Any] = {}
    for turn in range(_ROUNDS):
        for event in _everything(turn):
            network.tally.take(event)
            try:
                made.take(event)
            except Exception as error:
                raise AssertionError(f"{name}: take() of {event.kind} fails: {said(error)}") from error
        for key, row in _news(made, name).items():
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
        network.tally.payments.clear()
        network.tally.changed.clear()
        network.tally.all_changed = False
        again = _news(made, name)
        assert not any(rows.get(key) != row for key, row in again.items()), f"{name}: news() differs when asked again"
    return rows


def _news(made: View, name: str) -> dict[str, Any]:
    try:
        news = dict(made.news())
        plain: dict[str, Any] = json.loads(json.dumps(news, allow_nan=False))
    except Exception as error:
        raise AssertionError(f"{name}: news() cannot travel as JSON: {said(error)}") from error
    assert plain == news, f"{name}: news() is not the same after a journey as JSON: use lists and text keys"
    for row in plain.values():
        fits = row is None or (isinstance(row, list) and len(row) == len(made.columns))
        assert fits, f"{name}: a row is a value for each of its {len(made.columns)} columns, not {str(row)[:80]}"
    return plain


def _everything(turn: int) -> list[events.Event]:
    """One event of each kind, as one transaction, of an epoch of its own."""
    made: list[events.Event] = []
    first = ("Clock.Opened", "Registry.Registered")
    for kind, of in sorted(events.kinds().items(), key=lambda item: (item[0] not in first, item[0])):
        contract = kind.split(".")[0]
        hints = typing.get_type_hints(of)
        values = [_value(field.name, hints[field.name], turn) for field in dataclasses.fields(of)[4:]]
        if kind == "Loans.Opened":
            values[1] = _MARKET
        made.append(of(turn + 1, len(made), f"0x{turn:064x}", contract, *values))
    return made


def _value(name: str, hint: Any, turn: int) -> Any:
    """Something of a type: numbers small, texts hostile."""
    if name in ("epoch", "cycle", "since"):
        return turn + 1
    origin: Any = typing.get_origin(hint) or hint
    if dataclasses.is_dataclass(origin):
        hints = typing.get_type_hints(origin)
        make: Any = origin
        return make(*(_value(field.name, hints[field.name], turn) for field in dataclasses.fields(make)))
    if origin in (typing.Union, types.UnionType):
        return _value(name, typing.get_args(hint)[0], turn)
    plain = {bool: turn % 2 == 0, int: turn % 3 + 1, str: f"{_HOSTILE}{turn % 3}", bytes: bytes([turn % 3]) * 32}
    return plain.get(origin, {_HOSTILE: 5_000} if origin is dict else ())
