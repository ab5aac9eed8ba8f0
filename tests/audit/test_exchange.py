"""Auditors give one another what a neuron signed for them: over the wire, checked, and only when an epoch is over."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from klopf import ledger, wire
from klopf.audit._exchange import Exchange, keep
from klopf.audit._lots import Unasked, noise
from klopf.audit._told import MOST_SAID, Told, conflict
from klopf.errors import AuditError, LedgerError, Refused
from klopf.ledger._receipts import Domain
from klopf.ledger.evidence import Said, contrary
from klopf.ledger.keys import Key
from klopf.peers import Reach, pairs_of

MODEL, NEURON = b"\7" * 32, 9
DOMAIN = Domain(1337, "0x" + "11" * 20, "Klopf Challenges")
QUESTIONS = np.arange(24, dtype=np.float32).reshape(12, 2)
NETWORK = wire.network_id(1337, "0x" + "22" * 20)
KEYS = {id: ledger.keys.new() for id in (NEURON, 3, 4, 5)}


def answers(false: bool = False, places: slice = slice(None)) -> np.ndarray:
    said = np.tile(np.array([0.9, 0.1], np.float32), (len(QUESTIONS), 1))
    if false:
        said[places] = said[places, ::-1]
    return said


def told(auditor: int, given: np.ndarray, epoch: int = 1, model: bytes = MODEL, key: Key | None = None) -> Told:
    """What the neuron signed for an auditor: two statements."""
    said, values = [], []
    for part in (slice(0, 5), slice(5, None)):
        one = Said(epoch, NEURON, auditor, model, pairs_of(QUESTIONS[part], given[part]))
        said.append((one, (key or KEYS[NEURON]).sign(one.digest(DOMAIN))))
        values.append(np.rint(given[part].astype(np.float64) * 1e6))
    found = Told.of(said, values)
    assert found is not None
    return found


@pytest.mark.parametrize("places", [slice(0, 1), slice(7, 8), slice(11, None), slice(None)])
def test_two_contrary_answers_are_found_wherever_they_stand(places: slice) -> None:
    mine, theirs = told(3, answers()), told(4, answers(True, places))
    found = conflict(mine, theirs)
    assert found is not None
    then, now = found
    assert then.pair[0] == now.pair[0] and contrary(then.values, now.values)
    assert (then.said.auditor, now.said.auditor) == (3, 4)
    assert now.pair[1] != then.pair[1] == then.said.pairs[then.place][1]


def test_what_is_the_same_or_another_models_or_of_other_numbers_is_no_conflict() -> None:
    mine = told(3, answers())
    assert conflict(mine, told(4, answers() + np.float32(0.001))) is None, "rounding is forgiven"
    assert conflict(mine, told(4, answers(True), model=b"\6" * 32)) is None
    false = told(4, answers(True))
    assert conflict(mine, Told(false.said, false.values + 1)) is None, "numbers that are not those of the hash"


def test_it_is_the_same_when_it_was_written_and_read() -> None:
    one = told(3, answers())
    again = Told.read(one.arrays(), 1, NEURON, 3)
    assert again.said == one.said and (again.values == one.values).all()


def spoilt(**changes: object) -> dict[str, np.ndarray]:
    return told(4, answers()).arrays() | changes  # type: ignore[operator]


FULL = told(4, answers()).arrays()


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {name: array for name, array in FULL.items() if name != "models"},
        spoilt(pairs=FULL["pairs"][:, :63]),
        spoilt(pairs=FULL["pairs"].astype(np.int64)),
        spoilt(values=FULL["values"].astype(np.float32)),
        spoilt(values=FULL["values"][:, :0]),
        spoilt(values=FULL["values"] + 0.5),
        spoilt(values=FULL["values"] * np.nan),
        spoilt(values=FULL["values"] + 1e71),
        spoilt(counts=np.array([5, 8])),
        spoilt(counts=np.array([13, -1])),
        spoilt(counts=np.array([2**62, 2**62])),
        spoilt(counts=np.array([[5, 7]])),
        spoilt(counts=np.zeros(0, np.int64), models=FULL["models"][:0], signatures=FULL["signatures"][:0]),
        spoilt(signatures=FULL["signatures"][:1]),
        *(spoilt(**{name: array.reshape(-1)[0].reshape(())}) for name, array in FULL.items()),
        *(spoilt(**{name: array.reshape(1, *array.shape)}) for name, array in FULL.items()),
        *(spoilt(**{name: array[:0]}) for name, array in FULL.items()),
    ],
)
def test_what_is_none_is_refused_in_one_line(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(AuditError) as refused:
        Told.read(arrays, 1, NEURON, 4)
    assert "\n" not in str(refused.value)


def test_no_more_is_kept_than_is_taken() -> None:
    one = Said(1, NEURON, 3, MODEL, pairs_of(QUESTIONS[:1], answers()[:1]))
    kept = Told.of([(one, bytes(65))] * (MOST_SAID + 3), [np.zeros((1, 2))] * (MOST_SAID + 3))
    assert kept is not None and len(kept.said) == MOST_SAID
    Told.read(kept.arrays(), 1, NEURON, 3)
    assert Told.of([(one, bytes(65))], [np.zeros((1, 2**22))]) is None


def asks(inputs, count, epoch, seeds) -> list[bytes]:
    """What an auditor that has just begun asks about in an epoch."""
    return [inputs[at].tobytes() for at in Unasked(inputs, count).drawn(epoch, seeds)]


def test_auditors_with_the_same_samples_ask_the_same_and_with_some_in_common_most_of_these() -> None:
    rng = np.random.default_rng(0)
    pool = rng.normal(size=(300, 4)).astype(np.float32)
    one, other = pool[:200], pool[100:][::-1]
    seeds = {epoch: bytes([epoch]) * 32 for epoch in range(1, 20)}
    for epoch in (1, 2, 3, 4, 9):
        assert asks(pool, 50, epoch, seeds) == asks(pool[::-1], 50, epoch, seeds)
        both = set(asks(one, 40, epoch, seeds)) & set(asks(other, 40, epoch, seeds))
        assert len(both) >= 12, "of the 20 that each would ask of the half that both have"
    assert asks(pool, 50, 1, seeds) != asks(pool, 50, 1, {1: b"\2" * 32})
    assert (noise(seeds[1]).normal(size=3) == noise(seeds[1]).normal(size=3)).all()
    texts = np.array(["a", "b", "c"])
    assert sorted(Unasked(texts, 3).drawn(1, seeds)) == [0, 1, 2] and len(Unasked(texts, 2).drawn(1, seeds)) == 2


def test_nothing_is_asked_a_second_time_before_all_was_also_by_who_was_away() -> None:
    pool = np.random.default_rng(0).normal(size=(130, 4)).astype(np.float32)
    seeds = {epoch: bytes([epoch]) * 32 for epoch in range(1, 20)}
    stays = Unasked(pool, 30)  # four times thirty, and ten are left
    drawn = {e: stays.drawn(e, {at: seeds[at] for at in stays.epochs(e)}).tolist() for e in range(1, 10)}
    for first in (1, 5):
        assert len({at for e in range(first, first + 4) for at in drawn[e]}) == 120
    assert drawn[1] != drawn[5] and set(drawn[9]) & set(drawn[8])
    assert stays.epochs(10) == range(10, 11) and stays.drawn(9, seeds).tolist() == drawn[9]
    for epoch in (3, 4, 5, 8):
        late = Unasked(pool, 30)
        assert late.epochs(epoch)[0] in (1, 5) and late.drawn(epoch, seeds).tolist() == drawn[epoch]
    sometimes = Unasked(pool, 30)
    assert [sometimes.drawn(e, seeds).tolist() for e in (2, 4, 7)] == [drawn[e] for e in (2, 4, 7)]


class Book:
    """The ledger, as far as an exchange asks it."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int, int]] = []
        self.audits = SimpleNamespace(findings=lambda epoch, neuron: [(3, {}), (4, {}), (5, {})])
        self.registry = SimpleNamespace(signs_for=lambda id, epoch, key: KEYS[id].address == key)

    def client(self, _: object) -> object:
        return SimpleNamespace(domain=DOMAIN, contradict=self.contradict, contradicted=self.contradicted)

    def contradict(self, then, now) -> None:
        if self.contradicted(then.said.epoch, then.said.neuron):
            raise LedgerError("it is known")
        self.shown.append((then.said.neuron, then.said.auditor, now.said.auditor))

    def contradicted(self, epoch: int, neuron: int) -> bool:
        return bool(self.shown)


class Town:
    """Auditors on one machine, with axons and dendrites of their own."""

    def __init__(self, tmp_path, monkeypatch, ids=(3, 4, 5)) -> None:
        self.epoch, self.book, self.said = 1, Book(), []
        monkeypatch.setattr("klopf.audit._exchange.log", self.said.append)
        monkeypatch.setattr("klopf.audit._exchange.PAUSES", (0.0,) * 4)
        self.directory = wire.Members()
        self.exchanges = {id: self.auditor(id, tmp_path / str(id)) for id in ids}

    def auditor(self, id: int, folder) -> Exchange:
        folder.mkdir()
        certificate = wire.Certificate.new(str(id), "127.0.0.1")
        others = {3: ledger.Role.AUDITOR, 4: ledger.Role.AUDITOR, 5: ledger.Role.AUDITOR, NEURON: ledger.Role.NEURON}
        who = SimpleNamespace(
            id=id, folder=folder, certificate=certificate, key=KEYS[id], network=NETWORK, directory=self.directory,
            presents=[], book=self.book, others={k: SimpleNamespace(role=role) for k, role in others.items()},
            settings=SimpleNamespace(role="auditor", name="", port=0, host="127.0.0.1", listen="", relay="", ledger=""),
            dendrite=wire.Dendrite(certificate, KEYS[id], NETWORK, self.directory),
        )  # fmt: skip

        async def now():
            return SimpleNamespace(epoch=self.epoch)

        async def on_ledger(call, *arguments):
            return call(*arguments)

        async def attempt(what, call, *arguments):
            call(*arguments)

        async def announce(endpoint):
            place = endpoint if id != NEURON else ""
            self.directory.put(wire.Peer(id, KEYS[id].address, place, certificate.fingerprint, certificate.der))

        who.now, who.on_ledger, who.attempt, who.announce = now, on_ledger, attempt, announce
        return Exchange(who)

    async def play(self, act) -> None:
        for one in self.exchanges.values():
            await one.start()
        try:
            await act()
        finally:
            for one in self.exchanges.values():
                await one.who.dendrite.close()
                await one.stop()

    def told(self, id: int, what: Told) -> None:
        keep(self.exchanges[id].who.folder, 1, {NEURON: what})


def test_who_told_two_auditors_different_things_is_shown_once_when_the_epoch_is_over(tmp_path, monkeypatch) -> None:
    town = Town(tmp_path, monkeypatch)
    for id in (3, 4, 5):
        town.told(id, told(id, answers(id == 4, slice(6, 7))))

    async def act() -> None:
        for one in town.exchanges.values():
            await one.look()
        assert town.book.shown == [], "nothing is exchanged while anything can be revealed still"
        town.epoch = 2
        for one in town.exchanges.values():
            await one.look()

    asyncio.run(town.play(act))
    assert len(town.book.shown) == 1 and 4 in town.book.shown[0]


def test_an_honest_neuron_is_not_shown_whatever_auditors_make_up(tmp_path, monkeypatch) -> None:
    """One gives contrary answers that nobody signed, one nonsense."""
    town = Town(tmp_path, monkeypatch)
    town.epoch = 2
    town.told(3, told(3, answers()))
    town.told(4, told(4, answers(True), key=KEYS[4]))
    keep(town.exchanges[5].who.folder, 1, {NEURON: SimpleNamespace(arrays=lambda: {"pairs": np.zeros((2, 3))})})

    async def act() -> None:
        await town.exchanges[3].look()
        await town.exchanges[3].look()

    asyncio.run(town.play(act))
    assert town.book.shown == []
    assert any("has not signed" in line for line in town.said)
    assert any("gave something else" in line for line in town.said)
    assert len(town.said) == 2, "neither is asked again"


def test_only_who_audited_it_is_told_so_often_and_only_about_what_is_over(tmp_path, monkeypatch) -> None:
    town = Town(tmp_path, monkeypatch, (3, 4, NEURON))
    town.told(3, told(3, answers()))

    async def refused(id: int, payload: object) -> str:
        with pytest.raises(Refused) as said:
            await town.exchanges[id].who.dendrite.ask(3, "signed", payload=payload)
        return str(said.value)

    async def act() -> None:
        assert "not over" in await refused(4, {"epoch": 1, "neuron": NEURON})
        town.epoch = 2
        assert "audited it" in await refused(NEURON, {"epoch": 1, "neuron": NEURON})
        for payload in (None, [], {"epoch": 1}, {"epoch": "1", "neuron": NEURON}, {"epoch": True, "neuron": NEURON}):
            assert "ask with" in await refused(4, payload)
        for payload in ({"epoch": -1, "neuron": NEURON}, {"epoch": 0, "neuron": 5}, {"epoch": 1, "neuron": 2**70}):
            assert "nothing is kept" in await refused(4, payload)
        got = await town.exchanges[4].who.dendrite.ask(3, "signed", payload={"epoch": 1, "neuron": NEURON})
        assert Told.read(got.tensors, 1, NEURON, 3).said == told(3, answers()).said
        for _ in range(7):
            await town.exchanges[4].who.dendrite.ask(3, "signed", payload={"epoch": 1, "neuron": NEURON})
        assert "8 times" in await refused(4, {"epoch": 1, "neuron": NEURON})

    asyncio.run(town.play(act))


def test_who_cannot_be_reached_is_tried_a_few_times_and_what_is_old_is_forgotten(tmp_path, monkeypatch) -> None:
    town = Town(tmp_path, monkeypatch)
    town.epoch = 2
    town.told(3, told(3, answers()))  # the others have kept nothing
    three = town.exchanges[3]

    async def act() -> None:
        for _ in range(9):
            await three.look()
        assert sum("has not said" in line for line in town.said) == 8, "four times each of two"
        town.epoch = 9
        await three.look()
        assert not list((three.who.folder / "told").iterdir())

    asyncio.run(town.play(act))


def test_an_auditor_whose_port_is_taken_still_asks(tmp_path, monkeypatch) -> None:
    town = Town(tmp_path, monkeypatch, (3,))
    one = town.exchanges[3]

    async def taken(self: Reach) -> None:
        raise Refused("the port is taken")

    monkeypatch.setattr(Reach, "start", taken)
    asyncio.run(one.start())
    assert town.said == ["no other auditor can ask here: the port is taken"]
