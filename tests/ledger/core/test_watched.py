"""Everybody, kept between looks: whatever happens, it is what the registry says."""

from __future__ import annotations

import threading

import pytest

from klopf.ledger import KLP, Ledger, Role
from tests.ledger.conftest import Net, embedded, secret


def same(net: Net) -> None:
    assert net.admin.everybody() == net.admin.registry.all()


def calls(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    request = book.rpc.request

    def counted(method: str, *params: object) -> object:
        made.append(method)
        return request(method, *params)

    monkeypatch.setattr(book.rpc, "request", counted)
    return made


def test_after_whatever_happens_in_an_epoch_and_between_two_it_is_what_the_registry_says() -> None:
    net = embedded()
    ids = [net.join(Role.NEURON) for _ in range(5)]
    auditor = net.join(Role.AUDITOR)
    same(net)
    net.admin.clock.start()
    for id in ids[:4]:
        net.clients[id].beacon.take_part(id)
    same(net)
    for turn in range(3):
        for listener in ids[: 4 if turn == 0 else 3]:
            net.post(listener, {speaker: 10 for speaker in ids[:3] if speaker != listener})
        same(net)
        net.advance()
        for id in ids[:3]:
            net.clients[id].beacon.take_part(id)
        same(net)
        net.advance()
        net.admin.settle(net.admin.clock.now().epoch - 1)
        same(net)
        for id in ids:
            net.clients[id].beacon.take_part(id)  # the fourth owns up to what it missed: slashed, and silent
        same(net)
        if turn == 0:
            net.clients[ids[4]].stake.unstake(ids[4], 100 * KLP)
            net.clients[ids[0]].registry.move(ids[0], "elsewhere:1", b"another certificate")
            net.clients[ids[1]].registry.change_model(ids[1], "another")
            net.clients[ids[2]].registry.rotate_key(ids[2], secret(77))
            net.clients[auditor].stake.stake(auditor, 5 * KLP)
            same(net)
    newcomer = net.join(Role.NEURON)
    assert newcomer in {p.id for p in net.admin.everybody()}
    same(net)


def test_a_look_at_what_has_not_changed_calls_no_contract_but_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    net = embedded()
    for _ in range(4):
        net.join(Role.NEURON)
    net.admin.everybody()
    made = calls(net.admin, monkeypatch)
    net.admin.everybody()
    assert made.count("eth_call") == 1
    assert "eth_getLogs" not in made


def test_what_everybody_commits_to_is_known_without_reading_everybody_again(monkeypatch: pytest.MonkeyPatch) -> None:
    net = embedded()
    ids = [net.join(Role.NEURON) for _ in range(4)]
    net.admin.clock.start()
    net.admin.everybody()
    for listener in ids:
        net.post(listener, {speaker: 10 for speaker in ids if speaker != listener})
    made = calls(net.admin, monkeypatch)
    seen = net.admin.everybody()
    assert made.count("eth_call") == 1
    assert seen == net.admin.registry.all()
    assert all(any(p.commitment) for p in seen)


def test_all_ledgers_of_a_process_look_together(monkeypatch: pytest.MonkeyPatch) -> None:
    net = embedded()
    ids = [net.join(Role.NEURON) for _ in range(4)]
    made = calls(net.admin, monkeypatch)  # the clients share its chain
    threads = [threading.Thread(target=net.clients[id].everybody) for id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.count("eth_call") <= 4 + 2 + 1, made  # the clock each; two pages, one of which is empty; the count
    same(net)


def test_a_chain_that_was_reorganised_is_read_again() -> None:
    net = embedded()
    id = net.join(Role.NEURON)
    mark = net.admin.rpc.request("evm_snapshot")
    net.clients[id].registry.move(id, "lost:1", b"lost")
    assert net.admin.everybody()[0].endpoint == "lost:1"
    net.admin.rpc.request("evm_revert", mark)
    net.admin.rpc._nonces.clear()
    net.clients[id].registry.move(id, "kept:1", b"kept")
    assert net.admin.everybody()[0].endpoint == "kept:1"


def test_what_could_not_be_read_is_read_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    net = embedded()
    ids = [net.join(Role.NEURON) for _ in range(4)]
    net.admin.everybody()
    net.clients[ids[0]].registry.move(ids[0], "new:1", b"new")
    with monkeypatch.context() as broken, pytest.raises(RuntimeError):

        def fails(id: int) -> None:
            raise RuntimeError("the link is down")

        broken.setattr(net.admin.registry, "get", fails)
        net.admin.everybody()
    same(net)
