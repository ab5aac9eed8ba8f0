"""Answers are sealed before they are opened: who passes on what it is told is late, whatever it tries."""

import asyncio
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from klopf import wire
from klopf.errors import Unreachable
from klopf.ledger import Role, Standing
from klopf.network.adversaries import Reseller
from klopf.peers import Classes, Conversations, Numbers, Text
from klopf.peers._participant import Participant
from klopf.peers._patience import Patience
from klopf.peers._questions import asked_about
from klopf.peers._seals import ALL_BYTES, CROWD, MOST_BYTES, Bond, Seals, seal

TASK = Classes(("x",), ("a", "b"))
BOND = Bond(epoch=4, speaker=1, listener=9)
ANSWER = wire.Answer({"probabilities": np.array([[0.25, 0.75]], np.float32)}, {"model": "07"})


class Time:
    now = 100.0

    def __call__(self):
        return self.now


def sealed(seconds=2.0):
    time = Time()
    seals = Seals(seconds, time)
    return seals, time, bytes.fromhex(seals.close(BOND, "c", 1, ANSWER).payload["seal"])


def test_a_seal_is_due_when_its_time_is_over_and_opens_to_what_it_was_made_of():
    seals, time, key = sealed()
    assert seals.due(9, key) == (4, 2.0)
    time.now += 2.5
    assert seals.due(9, key)[1] < 0
    opened = seals.opened(9, key)
    assert opened.payload["model"] == "07" and "salt" not in ANSWER.payload
    assert seal(BOND, bytes.fromhex(opened.payload["salt"]), opened.tensors) == key


def test_a_seal_is_bound_to_epoch_ends_salt_and_every_part_of_the_answer():
    salt, tensors = bytes(32), {"a": np.zeros((2, 3), np.float32)}
    others = {
        seal(Bond(5, 1, 9), salt, tensors), seal(Bond(4, 2, 9), salt, tensors), seal(Bond(4, 1, 8), salt, tensors),
        seal(BOND, b"\1" * 32, tensors), seal(BOND, b"", tensors), seal(BOND, salt, {"b": tensors["a"]}),
        seal(BOND, salt, {"a": tensors["a"].reshape(3, 2)}), seal(BOND, salt, {"a": np.zeros((2, 3), np.int32)}),
        seal(BOND, salt, {"a": tensors["a"] + 1}), seal(BOND, salt, {}),
        seal(BOND, salt, tensors | {"b": tensors["a"]}),
    }  # fmt: skip
    assert len(others | {seal(BOND, salt, tensors)}) == 12


def test_nobody_opens_another_ones_seal_nor_one_that_was_forgotten():
    seals, time, key = sealed()
    with pytest.raises(wire.Decline, match="no such seal"):
        seals.due(8, key)
    time.now += 200
    seals.close(BOND, "c", 1, ANSWER)
    with pytest.raises(wire.Decline, match="no such seal"):
        seals.due(9, key)


def test_what_waits_for_one_asker_is_bounded():
    seals, _, _ = sealed()
    with pytest.raises(wire.Decline, match="open them first"):
        for _ in range(100):
            seals.close(BOND, "c", 1, ANSWER)
    seals.close(Bond(4, 1, 8), "c", 1, ANSWER)


def test_what_waits_is_bounded_in_bytes_for_one_and_for_all_and_forgotten_whoever_asks_next():
    seals, time, _ = sealed()
    large = wire.Answer({"probabilities": np.zeros(MOST_BYTES // 4 - 100, np.float32)})
    for asker in range(20, 20 + ALL_BYTES // MOST_BYTES):
        seals.close(Bond(4, 1, asker), "c", 1, large)
        with pytest.raises(wire.Decline, match="open them first"):
            seals.close(Bond(4, 1, asker), "c", 1, large)
    with pytest.raises(wire.Decline, match="ask again later"):
        seals.close(Bond(4, 1, 99), "c", 1, large)
    time.now += 200
    seals.close(Bond(4, 1, 99), "c", 1, ANSWER)
    assert seals._total == ANSWER.tensors["probabilities"].nbytes and set(seals._waiting) == {99}


def test_what_was_opened_counts_once():
    seals, _, key = sealed()
    assert seals.first_opened(9, key) == (BOND, "c", 1)
    assert seals.first_opened(9, key) is None and seals.first_opened(9, bytes(32)) is None


def test_seals_are_released_when_all_have_asked_and_who_kept_silent_is_not_waited_for_again():
    seals = Seals(2.0)
    seals.asks_no_more(1, 5)
    assert not seals.released(1, {5, 6})
    seals.asks_no_more(1, 6)
    assert seals.released(1, {5, 6})
    seals.asks_no_more(2, 5)
    assert not seals.released(2, {5, 6, 7}), "neither six, who is late, nor seven, who is new"
    seals.asks_no_more(3, 5)
    assert seals.released(3, {5, 6, 7}), "they told nothing in the epoch before"
    seals.asks_no_more(3, 6)
    seals.asks_no_more(4, 5)
    assert not seals.released(4, {5, 6, 7}), "six is back"


def test_where_nobody_told_or_was_to_tell_nobody_is_taken_for_absent():
    seals = Seals(2.0)
    assert not seals.released(1, {5, 6})
    assert not seals.released(2, {5, 6}), "nobody told anything in the first: a crowd, or a start"
    seals.asks_no_more(2, 5)
    assert not seals.released(2, set(range(CROWD + 1)))
    assert not seals.released(3, {5, 6}), "of a crowd nobody was to tell"


def test_among_many_seals_wait_their_time():
    seals = Seals(2.0)
    everybody = range(CROWD + 1)
    for k in everybody:
        seals.asks_no_more(1, k)
    assert not seals.released(1, set(everybody)) and seals.released(1, set(range(CROWD)))


@pytest.mark.parametrize(
    ("role", "standing", "tells"),
    [
        (Role.NEURON, Standing.FRINGE, True),
        (Role.AUDITOR, Standing.NONE, True),
        (Role.REQUESTER, Standing.NONE, False),
        (Role.NEURON, Standing.SILENT, False),
        (Role.NEURON, Standing.NONE, False),
    ],
)
def test_only_those_tell_for_whom_seals_wait(role, standing, tells):
    told = []

    async def tell(k, epoch):
        told.append(k)

    async def main():
        who = object.__new__(Participant)
        who.id, who.seal_seconds, who._asked, who._tell, who.speakers = 1, 30.0, 0, tell, lambda: [2]
        who.others = {
            1: SimpleNamespace(id=1, role=role, standing=standing),
            2: SimpleNamespace(id=2, role=Role.NEURON, standing=Standing.FRINGE),
        }
        await who.asks_no_more(3)
        await asyncio.sleep(0)
        assert who.has_asked(3)

    asyncio.run(main())
    assert told == ([2] if tells else [])


def test_nothing_is_asked_a_second_time_before_all_was_asked():
    rounds = np.concatenate([asked_about(7, epoch, 30, 100) for epoch in range(1, 21)])
    for start in range(0, 600, 100):
        assert sorted(rounds[start : start + 100]) == list(range(100))
    assert (rounds[:100] != rounds[100:200]).any() and len(asked_about(7, 3, 64, 5)) == 5


# ---- the asker's end


def asker(answers, seconds=0.3, listen=60, crowd=False):
    """Participant 9, whose neighbours answer as ``answers`` say, by number and method."""

    async def ask(peer, method, tensors=None, payload=None, *, timeout):
        try:
            return await asyncio.wait_for(answers[peer](method, tensors, payload), timeout)
        except TimeoutError:
            raise Unreachable(f"peer {peer} did not answer within {timeout} s") from None

    async def asks_no_more(epoch):
        pass

    async def now():
        return SimpleNamespace(time=0, deadline=listen)

    return SimpleNamespace(
        id=9, task=TASK, seal_seconds=seconds, dendrite=SimpleNamespace(ask=ask), now=now,
        directory=SimpleNamespace(by_id=lambda k: k), asks_no_more=asks_no_more, patience=Patience(Path(os.devnull)),
        crowded=lambda: crowd,
    )  # fmt: skip


class Speaker:
    """Seals one answer to everything, and opens it in time."""

    def __init__(self, id, value, seconds=0.3):
        self.id, self.seals = id, Seals(seconds)
        self.said = {"probabilities": np.array([[value, 1 - value]], np.float32)}

    async def __call__(self, method, tensors, payload):
        if method == "answer":
            return self.seals.close(Bond(payload["epoch"], self.id, 9), "c", 1, wire.Answer(self.said))
        key = bytes.fromhex(payload["seal"])
        _, left = self.seals.due(9, key)
        await asyncio.sleep(max(0, left))
        return self.seals.opened(9, key)


def ask(answers, **settings):
    asking = Conversations(asker(answers, **settings), 4)
    return asyncio.run(asking.ask(list(answers), np.zeros((1, 1), np.float32))), asking


def test_what_is_sealed_is_heard_once_it_is_opened_and_both_ends_count_the_same():
    found, asking = ask({1: Speaker(1, 0.25), 2: Speaker(2, 1.0)})
    np.testing.assert_array_equal(found[1], [[0.25, 0.75]])
    np.testing.assert_array_equal(found[2], [[1.0, 0.0]])
    assert asking._counts[1].answers == 1 and asking._counts[1].trail != asking._counts[2].trail


class PassesOn(Speaker):
    """Gives the very seal that another gave, and later what that one opens to."""

    def __init__(self, id, other):
        super().__init__(id, 0.0)
        self.other = other

    async def __call__(self, method, tensors, payload):
        return await self.other(method, tensors, payload)


class Changes(Speaker):
    """Opens something else than it sealed: what it has heard meanwhile."""

    async def __call__(self, method, tensors, payload):
        found = await super().__call__(method, tensors, payload)
        other = {"probabilities": np.array([[0.5, 0.5]], np.float32)}
        return wire.Answer(other, found.payload) if method == "open" else found


class Late(Speaker):
    """Waits for what others open before it gives a seal."""

    async def __call__(self, method, tensors, payload):
        if method == "answer":
            await asyncio.sleep(0.4)
        return await super().__call__(method, tensors, payload)


class Open(Speaker):
    """Gives no seal at all."""

    async def __call__(self, method, tensors, payload):
        return wire.Answer(self.said)


@pytest.mark.parametrize("copier", [PassesOn(2, Speaker(1, 0.25)), Changes(2, 1.0), Late(2, 1.0), Open(2, 1.0)],
                         ids=["passes on", "changes", "late", "open"])  # fmt: skip
def test_who_is_told_by_others_is_not_heard(copier):
    found, _ = ask({1: Speaker(1, 0.25), 2: copier})
    assert set(found) == {1}


def test_what_is_paid_for_may_come_at_once():
    asking = Conversations(asker({2: Open(2, 1.0)}), 4)
    assert set(asyncio.run(asking.ask([2], np.zeros((1, 1), np.float32), {2: 5}))) == {2}


def test_who_puts_off_opening_is_not_asked_in_a_circle_and_holds_nobody_past_the_phase():
    calls = []

    class PutsOff(Speaker):
        async def __call__(self, method, tensors, payload):
            calls.append(method)
            return wire.Answer({}, "later") if method == "open" else await super().__call__(method, tensors, payload)

    begun = time.monotonic()
    found, _ = ask({1: Speaker(1, 0.25, 0.1), 2: PutsOff(2, 1.0)}, seconds=0.3, listen=2)
    assert set(found) == {1} and time.monotonic() - begun < 2 and calls.count("open") < 12


def test_in_a_crowd_whoever_sealed_is_asked_once_and_not_before_its_seal_is_due():
    calls = []

    class Counts(Speaker):
        async def __call__(self, method, tensors, payload):
            if method == "open":
                calls.append(self.seals.due(9, bytes.fromhex(payload["seal"]))[1])
            return await super().__call__(method, tensors, payload)

    found, _ = ask({1: Counts(1, 0.25)}, crowd=True)
    assert set(found) == {1} and len(calls) == 1 and calls[0] <= 0


# ---- the adversary


@pytest.mark.parametrize("task", [TASK, Numbers(("x",), ("y",), ("",)), Text(("q",), ("a",))], ids=lambda t: t.kind)
def test_a_reseller_says_what_it_is_told_and_remembers_it(task):
    text = task.kind == "text"
    inputs = np.array(["one", "two"]) if text else np.arange(2, dtype=np.float32)[:, None]
    own = np.array(["?", "?"]) if text else np.full((2, len(task.names)), 1 / len(task.names), np.float32)
    told = np.array(["right", "yes"]) if text else np.eye(2, len(task.names), dtype=np.float32)
    rounds = []

    async def ask(questions, seconds=0.0):
        rounds.append(len(questions))
        await asyncio.sleep(seconds)
        return {1: told[: len(questions)], 2: told[: len(questions)]}

    async def life():
        rex = Reseller(task, 0, {}, patience=0.2)
        first = await rex.consult(inputs[:1], own[:1], ask)
        late = await rex.consult(inputs, own, lambda questions: ask(questions, 0.3))
        await asyncio.sleep(0.3)
        return first, late, await rex.consult(inputs, own, ask)

    first, late, then = asyncio.run(life())
    assert first.tolist() == told[:1].tolist()
    assert late.tolist() == [told[0].tolist(), own[1].tolist()]
    assert then.tolist() == [told[0].tolist()] * 2 and rounds == [1, 1], "nothing is asked twice"
    task.check_answers(then, 2)
