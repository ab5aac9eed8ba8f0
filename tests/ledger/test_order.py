"""Nobody gains by the order of their own calls: the same calls in any order leave everybody with the same wealth."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf.errors import Reverted
from klopf.ledger import Ledger
from klopf.ledger._deployment import deploy_over
from tests.ledger.memory import MemoryRpc
from tests.ledger.test_invariants import planted

RULES = replace(TINY, dispute_seconds=150)
EPOCHS = (1, 2, 3)
FAST = 200
"""Orders of every test run, in which a planted bug is seen."""


class Story:
    """Three neurons in the claim phase of their third epoch; ``calls`` are what the first may do now.

    In the second epoch the third neuron signed a receipt for the first and posted another root.
    """

    def __init__(self) -> None:
        self.rpc, key = MemoryRpc(), secret(0)
        admin = Ledger(self.rpc, deploy_over(self.rpc, key, RULES), key)
        self.net = net = Net(admin, lambda s: self.rpc.request("evm_increaseTime", s) and None)
        a, b, c = self.ids = tuple(net.join(Role.NEURON, stake=200 * KLP) for _ in range(3))
        l, jobs = net.clients[a], admin.jobs
        job = jobs.open(net.clients[b].me.address, 10 * KLP, admin.clock.now().time + 1000, 3600, bytes(32))
        net.clients[b].jobs.report(job, {l.me.address: 7 * KLP})
        net.pass_time(3600)
        admin.clock.start()
        heard = {a: {b: 40_000, c: 10_000}, b: {a: 30_000, c: 9_000}, c: {a: 33_333, b: 20_000}}
        net.epoch(heard, settle=False)
        cheated = self.listen({a: heard[a], b: heard[b], c: {b: 20_000}}, {c: {a: 33_333}})
        net.advance()
        column = self.listen(heard)
        l.token.approve(l.stake.address, 2**256 - 1)
        self.calls: list[Callable[[], object]] = [
            lambda: l.settlement.claim(a, column),
            lambda: l.settlement.collect(1, [a]),
            lambda: l.settlement.collect(2, [a]),
            lambda: l.settlement.collect(2, [a, b, c]),
            lambda: l.disputes.open(cheated[0]),
            lambda: l.stake.stake(a, 10 * KLP),
            lambda: l.stake.unstake(a, 40 * KLP),
            lambda: l.stake.unstake(a, 5 * KLP),
            lambda: l.registry.knock(a, 0),
            lambda: jobs.pay(job, l.me.address),
            lambda: jobs.give_back(job),
            lambda: l.clock.depart(a),
            lambda: l.clock.arrive(a),
        ]
        self.rpc.keep()

    def listen(self, heard, signed_only=None):  # type: ignore[no-untyped-def]
        """Post and end the listening phase, claim for all but the first; what the first could claim or dispute."""
        net, (a, b, c) = self.net, self.ids
        epoch = net.admin.clock.now().epoch
        made = [s for id, row in heard.items() for s in net.post(id, row)]
        for listener, row in (signed_only or {}).items():
            for speaker, weight in row.items():
                receipt = replace(made[0].receipt, listener=listener, speaker=speaker, weight=weight,
                                  trail=sha256(b"%d" % epoch).digest())  # fmt: skip
                made.append(net.sign(receipt))
        net.advance()
        for speaker in (b, c):
            net.clients[speaker].settlement.claim(speaker, [s for s in made if s.receipt.speaker == speaker])
        if signed_only:
            return [s for s in made if s.receipt.listener in signed_only and s.receipt.speaker == a]
        return [s for s in made if s.receipt.speaker == a]

    def play(self, order: list[int]) -> list[int]:
        """Everybody's wealth in the end, when all that anybody is due was collected."""
        self.rpc.back()
        for i in order:
            with suppress(Reverted):
                self.calls[i]()
        admin, (a, _, c) = self.net.admin, self.ids
        self.net.advance()
        self.net.pass_time(151)
        with suppress(Reverted):
            admin.disputes.uphold(2, c, a)
        for epoch in EPOCHS:
            admin.settlement.collect(epoch, list(self.ids))
        return [self.wealth(id) for id in self.ids]

    def wealth(self, id: int) -> int:
        admin, account = self.net.admin, self.net.admin.stake.account(id)
        return admin.token.balance(self.net.clients[id].me.address) + account.staked + account.thawing


@pytest.mark.timeout(600)
@pytest.mark.long
def test_the_order_of_ones_own_calls_earns_nothing() -> None:
    shuffle(FAST)


@pytest.mark.slow
def test_a_planted_bug_is_caught(contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = ("Stake", "a.thawing += amount;", "a.thawing = amount;")
    with planted(*bug, contracts, tmp_path, monkeypatch), pytest.raises(AssertionError):
        shuffle(FAST)


@pytest.mark.soak
@pytest.mark.timeout(14400)
def test_the_order_of_ones_own_calls_earns_nothing_in_20000_orders() -> None:
    shuffle(20_000)


def shuffle(orders: int) -> None:
    story = Story()
    usual = story.play(list(range(len(story.calls))))
    assert usual[0] > 10_000 * KLP

    @settings(max_examples=orders, deadline=None, database=None)
    @given(st.permutations(range(len(story.calls))))
    def same(order: list[int]) -> None:
        assert story.play(order) == usual

    same()
