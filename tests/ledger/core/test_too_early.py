"""``verify`` names a phase that ended before its deadline when it could not, whatever the clock was made to believe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from ledger_helpers import KLP, TINY, Net, Role, embedded

from klopf import ledger
from klopf.ledger import Parameters, _verify
from klopf.ledger._event import Event
from klopf.ledger.audit.audits import Revealed
from klopf.ledger.core.beacon import Shown

OPENED = 168
"""Where the first slot of the clock keeps when the running phase opened, in bits from its end; 64 wide."""
HURRIED = 232
"""And how many phases in a row ended early without a twentieth of all stake; 8 wide."""


@dataclass
class Crowd:
    net: Net
    ids: list[int]

    def phase(self, come: int, whole: bool = False) -> bool:
        """Some arrive, the first of all; the phase ends if it can."""
        for id in self.ids[:come]:
            self.net.clients[id].clock.arrive(id)
        self.net.pass_time(TINY.listen_seconds + TINY.claim_seconds if whole else 0)
        return self.net.admin.clock.advance()

    def write(self, slot: int, change: Callable[[int], int]) -> None:
        """Tamper with what the clock remembers."""
        rpc, place = self.net.admin.rpc, self.net.admin.address("Clock")
        kept = int(rpc.request("eth_getStorageAt", place, hex(slot), "latest"), 16)
        rpc.request("hardhat_setStorageAt", place, hex(slot), f"0x{change(kept):064x}")

    def pretend_all_came(self) -> None:
        self.write(1, lambda kept: kept % 2**128 | len(self.ids) * 100 * KLP << 128)

    def found(self) -> list[str]:
        self.net.admin.rpc.chain = None  # without the help of the file's own hashes
        return [str(d) for d in ledger.verify(self.net.admin, self.net.receipts)]


def crowd(count: int, rules: Parameters = TINY) -> Crowd:
    net = embedded(rules)
    made = Crowd(net, [net.join(Role.NEURON) for _ in range(count)])
    net.admin.clock.start()
    return made


def alone(found: list[str], what: str) -> None:
    (line,) = found
    assert "ended a phase before its deadline" in line and f"['{what}']" in line


def test_before_the_least_time() -> None:
    all_ = crowd(3, Parameters(dispute_seconds=0, least_seconds=20))
    assert not all_.phase(3)
    all_.write(0, lambda kept: kept - (20 << OPENED))
    assert all_.phase(0)
    alone(all_.found(), "20 s")


def test_without_those_expected() -> None:
    all_ = crowd(3)
    assert all_.phase(3) and not all_.phase(2)
    all_.pretend_all_came()
    assert all_.phase(0)
    alone(all_.found(), "those expected")


def test_without_half_of_all_stake() -> None:
    all_ = crowd(5)
    assert all_.phase(2, whole=True) and not all_.phase(2)
    all_.pretend_all_came()
    assert all_.phase(0)
    alone(all_.found(), "half of all stake")


def test_an_eighth_in_a_row() -> None:
    all_ = crowd(10)
    assert all_.phase(9, whole=True)
    assert all(all_.phase(9) for _ in range(7)) and not all_.phase(9)
    all_.write(0, lambda kept: kept & ~(255 << HURRIED))
    assert all_.phase(0)
    alone(all_.found(), "a whole phase in eight")


@pytest.mark.parametrize("kind", [Revealed, Shown])
def test_while_somebody_owes_what_it_would_pay_for(kind: type[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    all_ = crowd(3)
    net = all_.net
    auditor = net.join(Role.AUDITOR)
    one = net.clients[auditor]
    one.beacon.take_part(auditor)
    for _ in range(2):
        one.audits.commit(auditor, [], bytes(32))
        assert all_.phase(3)
        one.audits.reveal(auditor, [], bytes(32))
        one.beacon.take_part(auditor)
        assert all_.phase(3)
    assert all_.found() == []
    told = [e for e in ledger.history(net.admin) if not isinstance(e, kind)]
    monkeypatch.setattr(_verify, "history", lambda _: iter(told))
    assert any("['what is owed']" in line for line in all_.found())
