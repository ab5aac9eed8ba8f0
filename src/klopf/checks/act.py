"""Is this an act that a page can offer: one whose form can be filled, and that signs what it shows?"""

from __future__ import annotations

import tempfile
import typing
from functools import cache
from pathlib import Path

from klopf import chain, ledger
from klopf.checks._promise import derived, promise
from klopf.console.web import Act, Field, Given
from klopf.console.web._call import told
from klopf.console.web._drafting import drafted, reading
from klopf.errors import LedgerError
from klopf.ledger import KLP, Role
from klopf.ledger._deployment import USUAL
from klopf.ledger._pack import contracts

__all__ = ["check_act"]

_KINDS = typing.get_args(typing.get_type_hints(Field)["kind"])
_FILLED = {
    "klp": "1.5",
    "id": "1",
    "whole": "1",
    "count": "0",
    "proposal": "1",
    "vote": "for",
    "text": "a word",
    "lines": "a line",
}


def check_act(act: type[Act]) -> None:
    """Check that ``act`` says what it is, and, where it comes to a transaction in a small network in which one neuron
    takes part, that it comes to the same one each time, and to one of the network's own contracts. Only its owner knows
    what else must be so before it can be done: there it may refuse, by a LedgerError.

    Raises:
        AssertionError: one line that says which promise is broken.
    """
    derived(act, Act, "check_act")
    with promise(act.__name__, act):
        _check(act, act.__name__)


def _check(act: type[Act], name: str) -> None:
    for what in ("title", "lead", "needs", "last"):
        text = getattr(act, what, None)
        assert type(text) is str and text.isprintable(), f"{name}.{what} must be text on one line"
    assert act.title, f"{name}.title is empty: say what it does"
    assert act.needs, f"{name}.needs is empty: name the contract without which there is nothing of the kind"
    fields = getattr(act, "fields", ())
    assert isinstance(fields, tuple) and all(isinstance(one, Field) for one in fields), f"{name}.fields must be Fields"
    strange = [one.kind for one in fields if one.kind not in _KINDS]
    assert not strange, f"{name}.fields: there is no kind {strange}; one of {', '.join(_KINDS)}"
    names = [one.name for one in fields]
    assert len(names) == len(set(names)), f"{name}.fields: two have the same name; give each another"
    with tempfile.TemporaryDirectory() as folder, _network(Path(folder)) as book:
        known = contracts()
        assert act.needs in known, f"{name}.needs: no contract is called {act.needs!r}; one of {', '.join(known)}"
        _check_do(act, name, book)


def _network(folder: Path) -> ledger.Ledger:
    """Governed, with finance and one neuron, by its owner."""
    file, operator, deployment = _made()
    where = folder / "ledger.sqlite"
    where.write_bytes(file)
    return ledger.connect(str(where), operator, deployment)


@cache
def _made() -> tuple[bytes, ledger.Key, ledger.Deployment]:
    """Its file as it is whenever an act is checked; made once."""
    with tempfile.TemporaryDirectory() as folder:
        where, operator = Path(folder) / "ledger.sqlite", ledger.keys.new()
        chain.create(str(where), chain_id=1337, same_second=True).close()
        packs = (*USUAL, "finance")
        deployment = ledger.deploy(str(where), operator, constitution=ledger.Constitution(), packs=packs)
        with ledger.connect(str(where), operator, deployment) as book:
            book.registry.register(Role.NEURON, endpoint="127.0.0.1:4000", model="mind")
            book.stake.stake(1, 100 * KLP)
        return where.read_bytes(), operator, deployment


def _check_do(act: type[Act], name: str, book: ledger.Ledger) -> None:
    filled = _FILLED | {"address": book.me.address}
    given = Given({one.name: one.read(filled[one.kind]) for one in act.fields}, lambda epoch, listener: [])
    try:
        first = drafted(act(), book, book.me, given)
        second = drafted(act(), book, book.me, given)
        lines = act().about(reading(book, book.me), given)
    except LedgerError:
        return  # nothing that it could do here
    assert first == second, f"{name}.do() comes to another transaction each time: what is signed is what was shown"
    fits = isinstance(lines, list) and all(type(line) is str for line in lines)
    assert fits, f"{name}.about() must be a list of lines, not {str(lines)[:80]}"
    if first is not None:
        try:
            told(first, book, str)
        except LedgerError as error:
            raise AssertionError(f"{name}.do(): {error}") from None
