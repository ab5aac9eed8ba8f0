"""``verify`` passes on what happened and names whatever was changed afterwards."""

from __future__ import annotations

import dataclasses
import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak
from ledger_helpers import KLP, TINY, Net, Role, deploy, embedded, quarrel, result, secret

from klopf import ledger, neuron
from klopf.errors import LedgerError
from klopf.ledger import Ledger, Standing, _verify, events, keys
from klopf.ledger._pack import PACKS, contracts
from klopf.ledger.core.token import Reserve


def rich(net: Net) -> Net:
    """A history with every kind of event that a network makes."""
    a, b, c = (net.join(Role.NEURON, stake=150 * KLP) for _ in range(3))
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    r = net.join(Role.REQUESTER)
    net.admin.rules.propose(dataclasses.replace(net.admin.rules.current(), emission=77 * KLP))
    net.admin.economy.propose(dataclasses.replace(ledger.Economy(), per_core=3 * 10**12, bonus_bps=4000))
    net.admin.clock.start()
    honest = {n: result(n) for n in (a, b, c)}
    scores = {auditors[0]: honest, auditors[1]: honest, auditors[2]: {**honest, b: result(b, 3000)}}
    weights = {a: {b: 40_000}, b: {a: 30_000, c: 9_000}, c: {a: 30_000, b: 30_000}, r: {a: 0, b: 0}}
    net.epoch(weights, scores)
    net.clients[a].registry.knock(a)
    net.clients[b].registry.move(b, "127.0.0.1:7", b"new certificate")
    # c sells more attention than it has: the second speaker's receipt is refused
    net.epoch({a: {b: 60_000}, c: {a: 40_000, b: 40_000}, b: {}}, scores={x: honest for x in auditors})
    net.clients[c].stake.unstake(c, 100 * KLP)
    vouched(net, r, a)
    net.clients[b].registry.change_model(b, "another")
    net.pass_time(501)
    net.clients[r].vouchers.release(r, a)
    net.clients[c].stake.withdraw(c)
    work(net, a, auditors[0])
    quarrel(net, a, b, r)
    beaconed(net, [a, b, auditors[0]])
    net.clients[r].clock.depart(r)
    net.clients[net.join(Role.REQUESTER)].registry.quit(net.admin.registry.count())
    return net


def vouched(net: Net, requester: int, neuron: int) -> None:
    """Fees that are deposited, reserved, redeemed, thawing and withdrawn."""
    vouchers = net.clients[requester].vouchers
    vouchers.deposit(requester, 30 * KLP)
    vouchers.reserve(requester, {neuron: 20 * KLP})
    vouchers.redeem(neuron, [vouchers.sign(requester, neuron, 4 * KLP)])
    vouchers.thaw(requester, neuron, 5 * KLP)
    vouchers.withdraw(requester, KLP)


def beaconed(net: Net, ids: list[int]) -> None:
    """Of those bound to the beacon one shows its values, one leaves and shows what it owes, one misses one."""
    first, second, third = (net.clients[id].beacon for id in ids)
    for beacon, id in zip((first, second, third), ids, strict=True):
        beacon.take_part(id)
    net.advance()
    net.advance()
    second.take_part(ids[1], leaving=True)
    net.advance()
    first.take_part(ids[0])
    second.take_part(ids[1], leaving=True)
    net.advance()
    net.admin.beacon.settle(ids)


def work(net: Net, owner: int, receiver: int) -> None:
    """A device earns in a node, is sold, and a job is paid and its rest returned; and a snapshot is minted."""
    l, key, buyer = net.clients[owner].carried_by(net.admin), secret(60), net.clients[receiver]
    device = l.devices.mint(key, 8, 12, 16 * 1024, b"d" * 32)
    node = l.effort.found(by_data=True, fee_bps=1000)
    l.effort.join(device, node)
    l = net.clients[owner]
    l.emission.roll()
    cycle = l.emission.cycle()
    buyer.stake.stake(receiver, KLP)  # of which the work is paid
    receipt = (cycle, 1, device, receiver, 5 * 10**12, 3600, 600)
    digest = l.effort.digest(receipt)
    net.admin.effort.report(receipt, key.sign(digest), buyer.me.sign(digest))
    l.devices.transfer(device, buyer.me.address)
    trade(net, l, buyer, device)
    job = net.admin.jobs.open(l.me.address, 90 * KLP, net.admin.clock.now().time + 1000, 3600, b"t" * 32)
    l.jobs.report(job, {l.me.address: 50 * KLP, buyer.me.address: 30 * KLP})
    buyer.jobs.dispute(job)
    net.admin.jobs._write("draft", job, [l.me.address], [20 * KLP])
    net.admin.jobs.report(job, {l.me.address: 20 * KLP, buyer.me.address: 40 * KLP})
    net.admin.jobs.pay(job, buyer.me.address)
    net.admin.jobs.give_back(job)
    missed = net.admin.jobs.open(l.me.address, 8 * KLP, net.admin.clock.now().time + 10, 3600, b"m" * 32)
    l.jobs.note(missed, {buyer.me.address: KLP})
    buyer.devices.rotate_key(device, secret(61))
    net.admin.reserves.set_rate(Reserve.LIQUIDITY, 5 * KLP)
    l.snapshots.mint(b"h" * 32, 3, "ipfs://graph")
    net.pass_time(24 * 3600)
    net.admin.effort.pay_node(cycle, node)
    net.admin.effort.pay_device(cycle, node, device, l.me.address)
    net.admin.jobs.give_back(missed)


def trade(net: Net, first: ledger.Ledger, second: ledger.Ledger, device: int) -> None:
    """A device is sold for tokens and back, a right is sold, an offer is withdrawn."""
    until = net.admin.clock.now().time + 1000
    first.sales.buy(second.sales.offer(2 * KLP, until, device=device, buyer=first.me.address))
    second.sales.buy(first.sales.offer(KLP, until, device=device, what=b"w" * 32))
    second.sales.withdraw(second.sales.offer(KLP, until, device=device))


@pytest.fixture
def world(net: Net) -> Net:
    return rich(net)


def test_an_honest_history_has_no_difference(world: Net) -> None:
    assert ledger.verify(world.admin, world.receipts) == []
    kinds = {e.kind for e in ledger.history(world.admin)}
    ours = {contract.name for pack in world.admin.deployment.packs for contract in PACKS.load(pack).contracts}
    known = {kind for kind in events.kinds() if kind.partition(".")[0] in ours}  # not what is installed beside Klopf
    voting = {kind for kind in known if kind.startswith(("KlopfGovernor.", "Timelock."))}
    unused = {kind for kind in known if kind.endswith((".EIP712DomainChanged", ".ApprovalForAll"))}
    seldom = {
        "Rules.OwnershipTransferred",
        "Token.DelegateChanged",
        "Token.DelegateVotesChanged",
        "Registry.KeyRotated",
        "Registry.Delisted",
        "Registry.Dismissed",
        "Emission.HalvingBegan",
        "Devices.Approval",
        "Snapshots.Approval",
        "Claims.Restored",
        "Token.AuthorizationUsed",
        "Token.AuthorizationCanceled",
        "Reserves.Minted",
        "Audits.Absent",
    }
    assert known - kinds == voting | unused | (seldom & known) - kinds


def test_a_missing_receipt_is_named(kept: Net) -> None:
    paid = next(e for e in ledger.history(kept.admin) if isinstance(e, events.settlement.Heard))
    rest = [s for s in kept.receipts if s.receipt.leaf != paid.leaf]
    found = ledger.verify(kept.admin, rest)
    assert len(found) == 1
    assert f"epoch {paid.epoch}, listener {paid.listener}, speaker {paid.speaker}" in str(found[0])


def altered(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 2]) if value else b"\x01"
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    if isinstance(value, tuple):
        return (altered(value[0]), *value[1:])
    if isinstance(value, dict):
        first = next(iter(value))
        return {**value, first: altered(value[first])}
    if isinstance(value, ledger.Result):
        return dataclasses.replace(value, scores=altered(value.scores))
    if isinstance(value, ledger.Counts):
        return dataclasses.replace(value, sum=value.sum ^ 1)
    raise AssertionError(value)


# these have no consequence in the contracts' state; the file's own hashes cover them
QUIET = {
    ("Registry.ModelCommitted", "commitment"),
    ("Devices.Born", "key"),
    ("Devices.Born", "description"),
    ("Jobs.Opened", "verifier"),
    ("Jobs.Opened", "report_by"),
    ("Jobs.Opened", "terms"),
    ("Jobs.Drafted", "by"),
    ("Jobs.Reported", "by"),
    ("Jobs.Reported", "workers"),  # of a report that a later one replaced
    ("Jobs.Reported", "amounts"),
    ("Jobs.Reported", "final_at"),
    ("Forwarder.ExecutedForwardRequest", "success"),  # of a batch; what it did is in its own events
    ("Jobs.Disputed", "by"),
    ("Effort.Reported", "receiver"),
    ("Beacon.Bound", "tip"),  # of a chain that was cut before a value of it was shown
}
UNSEEN = {f"{name}.{kind.__name__}" for name, contract in contracts().items() for kind in contract.needs_none}


def alterations(happened: list[events.Event], every: bool) -> Iterator[tuple[int, str]]:
    """One event of each kind and one of its fields, or all of its fields."""
    chance = random.Random(3)
    for kind in sorted({e.kind for e in happened} - UNSEEN):
        places = [i for i, e in enumerate(happened) if e.kind == kind]
        # what a participant registered with and changed later has no consequence
        place = places[0] if kind == "Registry.Registered" else chance.choice(places)
        names = [f.name for f in dataclasses.fields(happened[place])][4:]
        if kind in ("Rules.Adopted", "Economy.Adopted") and 0 in (
            getattr(happened[place], n) for n in ("epoch", "cycle") if n in names
        ):
            continue  # the first rules of a network that changed them before its start had no consequence
        for name in names if every else [chance.choice(names)]:
            yield place, name


def name_every_alteration(kept: Net, monkeypatch: pytest.MonkeyPatch, every: bool) -> None:
    happened = list(ledger.history(kept.admin))
    monkeypatch.setattr(kept.admin.rpc, "chain", None)  # without the help of the file's own hashes
    unnoticed = []
    for place, name in alterations(happened, every):
        event = happened[place]
        spoilt = dataclasses.replace(event, **{name: altered(getattr(event, name))})
        told = [*happened[:place], spoilt, *happened[place + 1 :]]
        monkeypatch.setattr(_verify, "history", lambda _, told=told: iter(told))
        if (event.kind, name) not in QUIET and not ledger.verify(kept.admin, kept.receipts):
            unnoticed.append((event.kind, name))
    assert not unnoticed, str(unnoticed)


def test_an_altered_event_is_named(kept: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    name_every_alteration(kept, monkeypatch, every=False)


@pytest.mark.slow
def test_every_altered_field_of_an_event_is_named(kept: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    name_every_alteration(kept, monkeypatch, every=True)


def test_a_left_out_event_is_named(kept: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = list(ledger.history(kept.admin))
    monkeypatch.setattr(kept.admin.rpc, "chain", None)
    chance = random.Random(5)
    for kind in sorted({e.kind for e in happened} - UNSEEN - {"Settlement.Refused"}):
        places = [i for i, e in enumerate(happened) if e.kind == kind]
        if kind == "Settlement.Heard":  # with no weight and no disputes it has no consequence
            places = [i for i in places if happened[i].weight]
        # what a participant registered with and changed later has no consequence
        place = places[0] if kind == "Registry.Registered" else chance.choice(places)
        told = happened[:place] + happened[place + 1 :]
        monkeypatch.setattr(_verify, "history", lambda _, told=told: iter(told))
        assert ledger.verify(kept.admin, kept.receipts), kind


def test_a_listener_without_weight_that_is_left_out_is_named_where_there_are_disputes(monkeypatch) -> None:
    net = embedded(dataclasses.replace(TINY, dispute_seconds=150))
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    net.epoch({a: {b: 40_000}, b: {a: 30_000}, c: {a: 0}})
    happened = list(ledger.history(net.admin))
    assert ledger.verify(net.admin, net.receipts) == []
    told = [e for e in happened if not (isinstance(e, events.settlement.Heard) and not e.weight)]
    assert len(told) == len(happened) - 1
    monkeypatch.setattr(_verify, "history", lambda _: iter(told))
    assert any("listened" in d.what for d in ledger.verify(net.admin, net.receipts))


def test_a_changed_byte_of_an_event_in_the_file_is_named(tmp_path) -> None:
    from klopf import chain

    path = tmp_path / "chain.db"
    with chain.create(path, chain_id=1337, dev=True) as opened:
        net = deploy(str(path), lambda s: opened.move_clock(s) and None)
        rich(net)
        assert ledger.verify(net.admin, net.receipts) == []
        chance = random.Random(1)
        with sqlite3.connect(path) as raw:
            rows = raw.execute("SELECT id, data FROM log WHERE length(data) > 0 AND topic1 IS NOT NULL").fetchall()
        for id, data in chance.sample(rows, 4):
            spoilt = bytearray(data)
            spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
            for value in (bytes(spoilt), data):
                with sqlite3.connect(path) as raw:
                    raw.execute("UPDATE log SET data = ? WHERE id = ?", (value, id))
                raw.close()
                with ledger.connect(path, None, net.admin.deployment) as again:
                    assert bool(ledger.verify(again, net.receipts)) == (value != data)
        net.admin.close()


def test_a_changed_byte_of_a_receipt_is_named(kept: Net, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "receipts.jsonl"
    ledger.save_receipts(path, kept.receipts)
    assert ledger.load_receipts(path) == kept.receipts
    text, chance = path.read_bytes(), random.Random(2)
    monkeypatch.setattr(kept.admin.rpc, "chain", None)
    read = 0
    for _ in range(60):
        place = chance.randrange(len(text))
        spoilt = bytearray(text)
        spoilt[place] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        try:
            receipts = ledger.load_receipts(path)
        except LedgerError as error:
            assert "\n" not in str(error)
            continue
        read += 1
        assert ledger.verify(kept.admin, receipts)
    assert read > 5  # some changes still read as a receipt: those are named by verify


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """One lively history over an embedded chain, for tests that change nothing of it."""
    from klopf import chain

    path = tmp_path_factory.mktemp("kept") / "chain.db"
    with chain.create(path, chain_id=1337, dev=True) as opened:
        net = rich(deploy(str(path), lambda s: opened.move_clock(s) and None))
        yield net
        net.admin.close()


def more(function: Callable[..., float]) -> Callable[..., float]:
    return lambda *given, **named: function(*given, **named) + 1e-6


MUTATIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "utility grows by more": ("updated_utility", more),
    "utility is corrected by more": ("corrected_utility", more),
    "nobody is mature": ("is_mature", lambda _: lambda age, maturity: False),
    "nobody earns a seat": ("next_standing", lambda _: lambda standing, **record: Standing.FRINGE),
    "whoever is judged is silenced": ("next_standing", lambda _: lambda standing, **record: Standing.SILENT),
    "whoever is judged has a seat": ("next_standing", lambda _: lambda standing, **record: Standing.BACKBONE),
}
"""Bugs in the rule that all scales share. ``verify`` calls it, so each must show."""


@pytest.mark.parametrize("bug", MUTATIONS)
def test_the_shared_rule_decides(kept: Net, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    name, planted = MUTATIONS[bug]
    assert ledger.verify(kept.admin, kept.receipts) == []
    monkeypatch.setattr(neuron, name, planted(getattr(neuron, name)))
    assert ledger.verify(kept.admin, kept.receipts)


def test_every_function_of_the_rule_that_verify_calls_has_a_planted_bug() -> None:
    written = [path.read_text() for path in Path(ledger.__file__).parent.rglob("*.py")]
    called = {name for text in written for name in re.findall(r"\bneuron\.([a-z]\w+)\(", text)}
    assert called == {name for name, _ in MUTATIONS.values()}


def hearing(net: Net, monkeypatch: pytest.MonkeyPatch, log: dict[str, Any], **addresses: str) -> Ledger:
    """The same network, with one more log in it and more addresses in its deployment."""
    deployment = dataclasses.replace(net.admin.deployment, addresses={**net.admin.deployment.addresses, **addresses})
    told, request = Ledger(net.admin.rpc, deployment), net.admin.rpc.request
    place = {"blockNumber": hex(net.admin.rpc.height()), "logIndex": "0x99", "transactionHash": "0x" + "ab" * 32}

    def answer(method: str, *params: Any) -> Any:
        logs = request(method, *params)
        if method == "eth_getLogs" and isinstance(params[0]["address"], list):  # the history, which asks for all
            return [*logs, {**place, **log}]
        return logs

    monkeypatch.setattr(net.admin.rpc, "request", answer)
    return told


def test_a_contract_with_other_code_is_named(net: Net) -> None:
    """Such as one that was given a function that drains it: nothing of it shows in any event."""
    place = net.admin.deployment.addresses["Jobs"]
    code = bytearray(net.admin.rpc.code(place))
    code[-1] ^= 1
    net.admin.rpc.request("hardhat_setCode", place, "0x" + code.hex())
    assert any(f"the code of Jobs at {place} is not the shipped one" in str(d) for d in ledger.verify(net.admin, []))


JOINED = "0x" + keccak(b"Joined(uint256,uint32)").hex()
LOG = {"topics": [JOINED, "0x" + "00" * 31 + "01", "0x" + "00" * 32], "data": "0x"}
ROUNDS = keys.checksum("0x" + "51" * 20)


def test_an_event_of_another_contract_is_not_taken_for_one_of_ours(kept: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    told = hearing(kept, monkeypatch, {**LOG, "address": ROUNDS}, Rounds=ROUNDS)
    last = list(ledger.history(told))[-1]
    assert isinstance(last, events.UnknownEvent) and (last.contract, last.topic) == ("Rounds", JOINED)
    assert not isinstance(last, events.effort.Joined)
    found = [str(difference) for difference in ledger.verify(told, kept.receipts)]
    assert f"Rounds.{JOINED[:10]}" in found[0] and "which is not installed" in found[0]
    assert any(line.startswith("addresses: ") for line in found)  # nor does the directory know it


def test_an_event_that_a_contract_cannot_say_is_named(kept: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    place = kept.admin.deployment.addresses["Effort"]
    log = {**LOG, "topics": ["0x" + "77" * 32], "address": place}
    (found,) = ledger.verify(hearing(kept, monkeypatch, log), kept.receipts)
    assert "Effort.0x77777777" in str(found) and "unknown to the replay of Effort" in str(found)
