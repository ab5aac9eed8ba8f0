"""Each thing that a contract refuses, by the name of its error, over both chains. Nothing refused changes anything."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from ledger_helpers import KLP, Net, Role, result, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Score


def refused(name: str):  # type: ignore[no-untyped-def]
    return pytest.raises(Reverted, match=name)


def test_receipts(net: Net) -> None:
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    settlement = net.clients[a].settlement
    with refused("WrongPhase"):
        net.post(a, {})
    net.admin.clock.start()
    with refused("WrongPhase"):
        settlement.claim(a, [])
    with refused("NotActor"):
        net.clients[b].settlement.post(a, bytes(32), bytes(32))
    from_b = net.post(b, {a: 500, c: 500})
    from_c = net.post(c, {a: 900})
    net.post(a, {})
    with refused("AlreadyPosted"):
        net.post(a, {b: 5})
    with refused("StillOpen"):
        net.admin.settlement.collect(1, [a])
    net.advance()
    to_a = [from_c[0], from_b[0]]
    tuples = [s.as_tuple() for s in to_a]
    with refused("ColumnNotSorted"):
        settlement._write("claim", a, list(reversed(tuples)))
    with refused("ListenerTwice"):
        settlement.claim(a, [to_a[0], to_a[0]])
    with refused("WrongColumn"):
        settlement.claim(a, [from_b[1]])
    with refused("NotActor"):
        net.clients[b].settlement.claim(a, to_a)
    more = replace(from_b[0].receipt, weight=60_000)
    digest = more.digest(net.admin.domain)
    forged = net.sign(more, from_b[0].proof)
    with refused("NotInRoot"):
        settlement.claim(a, [forged])  # signed by both, never posted
    with refused("WrongListenerSignature"):
        settlement.claim(a, [replace(from_b[0], listener_signature=secret(9).sign(digest))])
    with refused("WrongSpeakerSignature"):
        settlement.claim(a, [replace(from_b[0], speaker_signature=b"")])
    with refused("WrongListenerSignature"):
        settlement.claim(a, [replace(from_b[0], receipt=more)])
    settlement.claim(a, to_a)
    with refused("AlreadyClaimed"):
        settlement.claim(a, to_a)
    net.advance()
    net.admin.settle(1)
    with refused("WrongPhase"):
        settlement.claim(a, to_a)
    net.advance()
    with refused("WrongColumn"):
        settlement.claim(a, to_a)  # a receipt of an earlier epoch
    assert ledger.verify(net.admin, net.receipts) == []


def test_attention_beyond_what_there_is_is_left_out(net: Net) -> None:
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    greedy = net.post(c, {a: 40_000, b: 40_000})  # 80,000 of 65,535
    net.advance()
    net.clients[b].settlement.claim(b, [greedy[1]])
    net.clients[a].settlement.claim(a, [greedy[0]])
    assert net.admin.settlement.column(1, a) == ledger.Column(0, 0, True, False)
    net.advance()
    net.admin.settle(1)
    assert ledger.verify(net.admin, net.receipts) == []


def test_nobody_is_paid_before_it_is_admitted(net: Net) -> None:
    a, b = net.join(Role.NEURON), net.join(Role.NEURON, stake=99 * KLP)
    net.admin.clock.start()
    late = net.join(Role.NEURON)
    with refused("NotAdmitted"):
        net.post(b, {a: 1})  # staked too little
    signed = net.post(a, {b: 100, late: 100})
    net.advance()
    with refused("NotAdmitted"):
        net.clients[b].settlement.claim(b, signed[:1])
    with refused("NotAdmitted"):
        net.clients[late].settlement.claim(late, signed[1:])  # counts from the next epoch on
    assert net.admin.stake.at(late, 1) == 0
    net.advance()
    assert net.admin.stake.at(late, 2) == 100 * KLP


def test_audits(net: Net) -> None:
    a, b = net.join(Role.NEURON), net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR) for _ in range(4)]
    salt = bytes(32)
    net.admin.clock.start()
    drawn = net.admin.audits.drawn(1, a)
    out = next(i for i in auditors if i not in drawn)
    first, second = drawn[:2]
    mine = [result(a)]
    with refused("NotAuditor"):
        net.clients[a].audits.commit(a, mine, salt)
    with refused("WrongPhase"):
        net.clients[first].audits.reveal(first, mine, salt)
    net.clients[first].audits.commit(first, mine, salt)
    with refused("AlreadyCommitted"):
        net.clients[first].audits.commit(first, mine, salt)
    # a copied commitment is worthless: it is bound to the other's key
    copied = net.admin.audits.committed(1, first)
    net.clients[second].audits._write("commit", second, copied)
    net.clients[out].audits.commit(out, mine, salt)
    net.advance()
    with refused("WrongPhase"):
        net.clients[first].audits.commit(first, mine, salt)
    with refused("WrongReveal"):
        net.clients[second].audits.reveal(second, mine, salt)
    with refused("WrongReveal"):
        net.clients[first].audits.reveal(first, [result(a, 9999)], salt)
    with refused("WrongReveal"):
        net.clients[first].audits.reveal(first, mine, b"\1" * 32)
    with refused("NotDrawn"):
        net.clients[out].audits.reveal(out, mine, salt)
    with refused("NotCommitted"):
        idle = next(i for i in auditors if i not in (first, second, out))
        net.clients[idle].audits.reveal(idle, mine, salt)
    with refused("StillOpen"):
        net.admin.audits.conclude(1, [a])
    net.clients[first].audits.reveal(first, mine, salt)
    with refused("AlreadyRevealed"):
        net.clients[first].audits.reveal(first, mine, salt)
    net.advance()
    bad = replace(result(a), scores={"accuracy": Score(9000, 8900, 10_001)})
    double = [result(a), result(a, 8000)]
    again = net.admin.audits.drawn(2, a)
    net.clients[again[0]].audits.commit(again[0], [bad], salt)
    net.clients[again[1]].audits.commit(again[1], double, salt)
    net.clients[again[2]].audits.commit(again[2], [result(a)], salt)
    net.advance()
    with refused("OutOfRange"):
        net.clients[again[0]].audits.reveal(again[0], [bad], salt)
    with refused("NotSorted"):
        net.clients[again[1]].audits.reveal(again[1], double, salt)
    net.clients[again[2]].audits.reveal(again[2], [result(a)], salt)
    net.advance()
    assert not net.admin.audits.concluded(1, a)
    net.admin.audits.conclude(2, [a, b])  # audits count in the order of their epochs: the first comes before it
    assert net.admin.audits.concluded(1, a) and net.admin.audits.concluded(2, a)
    assert net.admin.registry.get(b).failed == 0


def test_an_auditor_without_stake_is_not_walked_past(net: Net) -> None:
    for n in range(3):
        net.clients[net.join(Role.REQUESTER)].registry.register(Role.AUDITOR, key=secret(600 + n), certificate=b"x")
    late, early = net.join(Role.AUDITOR, stake=99 * KLP), net.join(Role.AUDITOR)
    assert list(net.admin.registry._read("auditors")) == [early]
    net.clients[late].stake.stake(late, KLP)
    assert list(net.admin.registry._read("auditors")) == [early, late]
    net.clients[late].stake.stake(late, KLP)
    assert list(net.admin.registry._read("auditors")) == [early, late]


def test_registration_and_roles(net: Net) -> None:
    a = net.join(Role.NEURON)
    l = net.clients[a]
    with refused("KeyInUse"):
        l.registry.register(Role.NEURON, certificate=b"x")
    with refused("UnknownRole"):
        l.registry.register(Role.NONE, certificate=b"x", key=secret(50))
    stolen = l.registry._proof(secret(51), sha256(b"x").digest())
    with refused("WrongKeySignature"):  # a proof made for another owner
        net.admin.registry._write("register", 1, secret(51).address, "", "", b"x", stolen)
    with refused("WrongKeySignature"):  # a proof by another key
        l.registry._write("register", 1, secret(52).address, "", "", b"x", stolen)
    with refused("NotActor"):
        net.admin.registry.move(a, "x", b"y")
    with refused("NotOwner"):
        net.admin.registry.rotate_key(a, secret(53))
    with refused("NothingToChange"):
        net.admin.registry.silence(a)
    with refused("Unregistered"):
        net.admin.stake.stake(99, KLP)
    with refused("ZeroAmount"):
        net.admin.stake.stake(a, 0)
    with refused("NotOwner"):
        net.admin.stake.unstake(a, KLP)
    with refused("AlreadyStarted"):
        net.admin.clock.start()
        net.admin.clock.start()
    with pytest.raises(LedgerError, match="no participant 99"):
        net.admin.registry.get(99)


def test_nobody_calls_what_only_a_contract_may(net: Net) -> None:
    a = net.join(Role.NEURON)
    l = net.admin
    with refused("OnlyContract"):
        l.registry._write("onJudged", a, 1, True)
    with refused("OnlyContract"):
        l.registry._write("onHeard", a, 1, 10**18)
    with refused("OnlyContract"):
        l.registry._write("onPost", a, 1, bytes(32))
    with refused("OnlyContract"):
        l.registry._write("onStake", a, 10**30, False)
    with refused("OnlySlashers"):
        l.stake._write("slash", a, 1, 10_000)
    with refused("OnlyEmission"):
        l.token._write("emitTo", l.me.address, 1)
    with refused("OnlyPayers"):
        l.emission._write("setAside", 10**18)
    with refused("OnlyPayers"):
        l.emission._write("setEffortAside", 1)
    with refused("OnlyPayers"):
        l.emission._write("pay", l.me.address, 1)
    with refused("OnlyClock"):
        l.rules._write("adopt", 7)
    with refused("OnlyStarter"):
        net.clients[a].clock.start()
