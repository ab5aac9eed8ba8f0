"""All of finance at once, whatever people do in whatever order (``whole.py`` says what must hold). Four planted bugs
are caught here, and the others by the machines of each contract.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from klopf.errors import LedgerError, Reverted
from tests.ledger.finance.whole import MOVES, Whole, World, soak
from tests.ledger.test_invariants import planted, play

Step = tuple[str, int, int, int]


class Everything(RuleBasedStateMachine):
    """Hypothesis chooses who does what, and makes what went wrong as short as it can be."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.whole = Whole(self.world)

    @rule(name=st.sampled_from(list(MOVES)), who=st.integers(0, 2), number=st.integers(1, 3), part=st.integers(1, 5))
    def move(self, name: str, who: int, number: int, part: int) -> None:
        self.whole.move(name, who, number, part)

    def teardown(self) -> None:
        self.whole.end()


def run(sequences: int, moves: int) -> None:
    Everything.world = World()
    play(sequences, moves, False, Everything)  # type: ignore[arg-type]


@pytest.mark.timeout(300)
def test_all_of_finance_adds_up_at_once() -> None:
    run(5, 15)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_of_finance_adds_up_in_500_sequences() -> None:
    run(500, 25)


@pytest.mark.soak
@pytest.mark.timeout(14400)
def test_all_of_finance_adds_up_over_100000_moves() -> None:
    assert soak(100_000) > 30_000


BUGS: dict[str, tuple[str, str, str, tuple[Step, ...]]] = {
    "tokens that do not come in": (
        "Exchange", "_receive(tokenIn, amountIn);", "", (("swap", 1, 1, 1),),
    ),
    "shares that do not sum": (
        "Exchange", "_burn(msg.sender, id, shares);", "", (("remove", 0, 1, 3),),
    ),
    "debt that is not healthy": (
        "Loans", "if (owed > most) revert TooMuchDebt(owed, most);", "", (("lock", 1, 1, 1), ("borrow", 1, 1, 5)),
    ),
    "collateral sold that is not due": (
        "Loans", "if (!_due(t, p, _debtUp(m, p.debtShares), worth)) revert NotDue(owner);", "",
        (("lock", 1, 1, 5), ("borrow", 1, 1, 2), ("liquidate", 0, 1, 5)),
    ),
}  # fmt: skip
"""What is spoilt, and the shortest way to it; the machines of each contract have the bugs of the other invariants."""


@pytest.mark.parametrize("bug", BUGS)
def test_the_way_to_a_bug_is_open_and_there_is_none(bug: str, contracts: Path) -> None:
    contract, old, _, way = BUGS[bug]
    assert (contracts / "src" / "finance" / f"{contract}.sol").read_text().count(old) == 1
    world = getattr(Everything, "world", None) or World()
    Everything.world = world
    one = Whole(world)
    for step in way:
        one.move(*step)
    one.end()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract, old, new, way = BUGS[bug]
    with (
        planted(contract, old, new, contracts, tmp_path, monkeypatch),
        pytest.raises((AssertionError, Reverted, LedgerError)),
    ):
        one = Whole(World())
        for step in way:
            one.move(*step)
        one.end()
