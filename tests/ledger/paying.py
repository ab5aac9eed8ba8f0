"""The moves of those who pay by vouchers, among the others of ``moves.py``."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_helpers import KLP, Net

from klopf.errors import Reverted

PAYERS, PAID = (7, 1), (2, 3)
AMOUNTS = st.integers(1, 120 * KLP)


class Paying(RuleBasedStateMachine):
    """Reserves and vouchers, of whatever network a subclass plays."""

    net: Net
    promised: dict[tuple[int, int], int]
    """The highest voucher, by requester and neuron."""

    def now(self) -> Any:
        raise NotImplementedError

    @rule(id=st.sampled_from(PAYERS), amount=AMOUNTS, share=st.integers(0, 110))
    def reserve(self, id: int, amount: int, share: int) -> None:
        vouchers = self.net.clients[id].vouchers
        vouchers.deposit(id, amount)
        free = vouchers.free(id)
        each = {n: free * share // 200 for n in PAID}
        try:
            vouchers.reserve(id, each)
        except Reverted:
            assert sum(each.values()) > free
        with suppress(Reverted):
            vouchers.withdraw(id, free // 3)

    @rule(id=st.sampled_from(PAYERS), to=st.sampled_from(PAID), total=AMOUNTS, again=st.booleans())
    def redeem(self, id: int, to: int, total: int, again: bool) -> None:
        """By a higher voucher, a lower one or the same once more."""
        vouchers, before = self.net.clients[id].vouchers, self.net.admin.vouchers.reserved(id, to)
        signed = [vouchers.sign(id, to, total)] * (1 + again)
        self.promised[id, to] = max(total, self.promised.get((id, to), 0))
        try:
            vouchers.redeem(to, signed)
        except Reverted:
            assert total <= before.redeemed or not before.held
        after = self.net.admin.vouchers.reserved(id, to)
        assert after.redeemed == max(before.redeemed, min(total, before.redeemed + before.held))

    @rule(id=st.sampled_from(PAYERS), to=st.sampled_from(PAID), share=st.integers(0, 110))
    def thaw_reserve(self, id: int, to: int, share: int) -> None:
        vouchers, kept = self.net.clients[id].vouchers, self.net.admin.vouchers.reserved(id, to)
        due = kept.thawing > 0 and self.now().time >= kept.ready_at
        try:
            vouchers.release(id, to)
            assert due
        except Reverted:
            assert not due
        with suppress(Reverted):
            vouchers.thaw(id, to, (kept.held - kept.thawing) * share // 100)

    @invariant()
    def reserves_are_backed_and_no_voucher_is_paid_twice(self) -> None:
        vouchers, owed = self.net.admin.vouchers, 0
        for id in PAYERS:
            owed += vouchers.free(id)
            for to in PAID:
                kept = vouchers.reserved(id, to)
                owed += kept.held
                assert kept.thawing <= kept.held
                assert kept.redeemed <= self.promised.get((id, to), 0)
        assert self.net.admin.token.balance(vouchers.address) == owed

    def thaw_all(self) -> None:
        """All reserves begin to thaw."""
        for id, to in ((id, to) for id in PAYERS for to in PAID):
            kept = self.net.admin.vouchers.reserved(id, to)
            self.net.clients[id].vouchers.thaw(id, to, kept.held - kept.thawing)

    def withdraw_all(self) -> None:
        """What has thawed, and what was free, is everybody's own again."""
        vouchers = self.net.admin.vouchers
        for id, to in ((id, to) for id in PAYERS for to in PAID):
            if vouchers.reserved(id, to).thawing:
                vouchers.release(id, to)
        for id in PAYERS:
            self.net.clients[id].vouchers.withdraw(id, vouchers.free(id))
