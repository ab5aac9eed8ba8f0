"""Auditors come, stake, take stake out and leave in any order, epochs open; the tree that they are drawn from holds
what they have, to the unit, and draws by it."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_helpers import TINY, Net, Role, secret

from klopf.ledger import Ledger
from klopf.ledger._deployment import deploy_over
from klopf.ledger.audit import _reference as ref
from tests.ledger.memory import MemoryRpc

LEAST = TINY.auditor_stake
TREE = 6
"""The slot of `Stake._auditors`: how many places, then by slot the place of each id, its weight, the sums."""


class Draws(RuleBasedStateMachine):
    """``now`` is what each auditor has at stake; ``opened`` what it had when the epoch opened; ``order`` who ever had
    enough, in the order of coming."""

    rpc: MemoryRpc
    net: Net

    @initialize()
    def begin(self) -> None:
        self.rpc.back()
        self.net.clients.clear()
        self.now: dict[int, int] = {}
        self.opened: dict[int, int] = {}
        self.order: list[int] = []

    def changed(self, id: int, staked: int) -> None:
        self.now[id] = staked
        if staked >= LEAST and id not in self.order:
            self.order.append(id)

    # -- what auditors do --

    @precondition(lambda self: len(self.now) < 9)
    @rule(stake=st.one_of(st.just(LEAST), st.integers(1, 20 * LEAST)))
    def join(self, stake: int) -> None:
        id = self.net.join(Role.AUDITOR, stake=stake)
        self.changed(id, stake)

    @precondition(lambda self: self.now)
    @rule(which=st.integers(0, 8), amount=st.integers(1, 5 * LEAST))
    def stake(self, which: int, amount: int) -> None:
        id = sorted(self.now)[which % len(self.now)]
        self.net.clients[id].stake.stake(id, amount)
        self.changed(id, self.now[id] + amount)

    @precondition(lambda self: any(self.now.values()))
    @rule(which=st.integers(0, 8), share=st.integers(1, 100), leaves=st.booleans())
    def unstake(self, which: int, share: int, leaves: bool) -> None:
        some = sorted(id for id, staked in self.now.items() if staked)
        id = some[which % len(some)]
        amount = self.now[id] if leaves else -(-self.now[id] * share // 100)
        self.net.clients[id].stake.unstake(id, amount)
        self.changed(id, self.now[id] - amount)

    @precondition(lambda self: 0 in self.now.values())
    @rule(which=st.integers(0, 8))
    def quit(self, which: int) -> None:
        """Whoever has nothing at stake, and nothing that thaws, is gone for good."""
        some = sorted(id for id, staked in self.now.items() if not staked)
        id = some[which % len(some)]
        own = self.net.clients[id]
        if own.stake.account(id).thawing:
            self.net.pass_time(TINY.thaw_seconds)
            own.stake.withdraw(id)
        own.registry.quit(id)
        del self.now[id]

    @rule(epochs=st.integers(1, 2))
    def open_epoch(self, epochs: int) -> None:
        for _ in range(2 * epochs):
            self.net.advance()
        self.opened = dict(self.now)

    # -- what must be --

    def electorate(self) -> list[tuple[int, int]]:
        """Who may be drawn, and with what: as it was when the epoch opened."""
        had = ((id, self.opened.get(id, 0)) for id in self.order)
        return [(id, staked if staked >= LEAST else 0) for id, staked in had]

    def drawn(self, seed: bytes, subject: int, seats: int) -> list[int]:
        return list(self.net.admin.stake._read("draw", seed, subject, seats))

    @rule(salt=st.integers(0, 2**32 - 1), seats=st.integers(1, 16))
    def draw(self, salt: int, seats: int) -> None:
        """To the unit as a walk over everybody draws; nobody twice, and nobody without stake."""
        seed, who = sha256(b"%d" % salt).digest(), self.electorate()
        drawn = self.drawn(seed, salt, seats)
        assert drawn == ref.draw(seed, salt, who, seats)
        assert len(drawn) == len(set(drawn)) == min(seats, sum(weight > 0 for _, weight in who))
        assert all(dict(who)[id] >= LEAST for id in drawn)

    @precondition(lambda self: any(weight for _, weight in self.electorate()))
    @rule(salt=st.integers(0, 2**32 - 1))
    def draw_often(self, salt: int) -> None:
        """The first seat falls to each by its stake, within five standard deviations and a seat."""
        seed, who, times = sha256(b"often %d" % salt).digest(), self.electorate(), 200
        total, found = sum(weight for _, weight in who), Counter[int]()
        for subject in range(times):
            found.update(self.drawn(seed, subject, 1))
        assert found.total() == times
        for id, weight in who:
            share = weight / total
            assert abs(found[id] - times * share) <= 1 + 5 * (times * share * (1 - share)) ** 0.5

    @invariant()
    def sums_are_those_of_the_stakes(self) -> None:
        """Every sum of the tree, as it is now and as it was when the epoch opened; and the sum of all."""
        if not hasattr(self, "now"):
            return
        epoch, places = self.net.admin.clock.now().epoch, self.slot(TREE)
        assert places == len(self.order)
        enough = [(then, now if now >= LEAST else 0) for then, now in
                  ((weight, self.now.get(id, 0)) for id, weight in self.electorate())]  # fmt: skip
        for place, pair in enumerate(enough, 1):
            assert self.sum(TREE + 2, place, epoch) == pair
            low = place & -place
            over = enough[place - low : place]
            assert self.sum(TREE + 3, place, epoch) == (sum(t for t, _ in over), sum(n for _, n in over))
        assert self.sum(TREE + 2, 0, epoch) == (sum(t for t, _ in enough), sum(n for _, n in enough))

    def slot(self, number: int) -> int:
        place = bytes.fromhex(self.net.admin.stake.address[2:])
        return (
            self.rpc.world.storage(place, number) % 2**32 if number == TREE else self.rpc.world.storage(place, number)
        )

    def sum(self, base: int, place: int, epoch: int) -> tuple[int, int]:
        """What a sum was when the epoch opened, and what it is."""
        word = self.slot(int.from_bytes(keccak(encode(("uint256", "uint256"), (place, base)))))
        opened, now, changed = word % 2**96, word >> 96 & 2**96 - 1, word >> 192 & 2**32 - 1
        return (opened if changed == epoch else now), now


def test_the_tree_holds_what_auditors_have_and_draws_by_it() -> None:
    rpc: Any = MemoryRpc()
    admin = Ledger(rpc, deploy_over(rpc, secret(0), TINY), secret(0))
    Draws.rpc, Draws.net = rpc, Net(admin, lambda seconds: rpc.request("evm_increaseTime", seconds) and None)
    admin.clock.start()
    rpc.keep()
    Draws.TestCase.settings = settings(
        max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Draws.TestCase("runTest").runTest()
