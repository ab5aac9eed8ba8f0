"""A node is as good as one device: the same bits, whatever its devices do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError
from klopf.fleet.models._net import Net
from klopf.fleet.node import Here, Node, Stage, Worker
from klopf.fleet.node._hand import Hand
from klopf.fleet.node._plan import costs
from tests.fleet.homes import digits
from tests.fleet.node.crew import FEW, SETTINGS, WANTED, Slow, begun

X, Y = (array[:80] for array in digits())


def values():
    return np.concatenate([a.ravel() for a in begun()])


def alone(wanted=WANTED):
    return fleet.TrainingDevice("node", X, Y).fit(begun(wanted.settings), wanted)


def trained(helpers, wanted=WANTED, **more):
    node = Node("node", X, Y, helpers, **more)
    return asyncio.run(node.fit(begun(wanted.settings), wanted, 60)), node.report


def workers(*memories):
    return [Here(Worker(f"w{i}", memory)) for i, memory in enumerate(memories)]


def same(update, wanted=WANTED):
    one = alone(wanted)
    return update.digest == one.digest and update.loss == one.loss and update.records == one.records


def test_layers_on_devices_none_of_which_could_hold_them_learn_the_same_to_the_bit():
    node = Node("node", X, Y, workers(FEW, FEW, FEW, FEW))
    update, report = asyncio.run(node.fit(begun(), WANTED, 60)), node.report
    assert same(update) and len(report.stages) > 1 and not report.gone
    assert len(report.work) >= len(report.stages) and report.steps == 4  # two to learn, two for the loss before
    shares = node.shares()  # pay is by work
    assert sum(shares.values()) == pytest.approx(1) and max(shares, key=shares.get) == max(node.work, key=node.work.get)
    assert 996 <= sum(fleet.amounts(shares, {name: "0x" + name for name in shares}, 1000).values()) <= 1000


def test_convolutions_draws_and_sparse_changes_too():
    layers = [["convolution", 4, 3, 1], ["relu"], ["convolution", 6, 3, 2], ["relu"], ["dense", 10]]
    settings = SETTINGS | {"inputs": [1, 8, 8], "layers": layers}
    wanted = replace(WANTED, settings=settings, draws=40, sparse=True)
    update, report = trained(workers(200_000, 200_000, 200_000), wanted)
    assert same(update, wanted) and update.packed == alone(wanted).packed and len(report.stages) > 1


def test_work_counts_by_what_was_done_and_the_fast_do_more():
    slow = Slow("slow", 1 << 30)
    slow.pause = 0.05
    update, report = trained([Here(Worker("fast", 1 << 30)), Here(slow)], replace(WANTED, epochs=2))
    assert same(update, replace(WANTED, epochs=2)) and len(report.stages) == 1
    assert report.work["fast"] > 2 * report.work.get("slow", 0)


class Spoils(Here):
    """A device whose answers to one kind of request are changed."""

    def __init__(self, name, do, spoil, memory=1 << 30):
        super().__init__(Worker(name, memory))
        self._do, self._spoil = do, spoil

    async def ask(self, tensors, payload, timeout):
        got = await super().ask(tensors, payload, timeout)
        if payload["do"] != self._do:
            return got
        arrays, said = dict(got[0]), got[1]
        arrays, said = self._spoil(arrays, dict(said))
        return arrays, said


def each(change):
    return lambda arrays, said: ({name: change(array) for name, array in arrays.items()}, said)


@pytest.mark.parametrize(
    ("do", "spoil", "why"),
    [
        ("probe", each(lambda a: a * 2), "multiplies wrongly"),
        ("probe", lambda a, s: (a, {"memory": -1}), "does not say what memory"),
        ("probe", lambda a, s: (a, None), "does not say what memory"),
        ("end", lambda a, s: (a, {"loss": -1.0}), "a loss that is none"),
        ("end", lambda a, s: (a, {"loss": float("nan")}), "a loss that is none"),
        ("end", lambda a, s: (a, {"loss": 10**400}), "a loss that is none"),
        ("end", lambda a, s: (a, []), "a loss that is none"),
        ("sums", each(lambda a: a[:-1]), r"answers sums as float64 \[\d+\], where"),
        ("sums", each(lambda a: a.astype(np.float32)), "answers sums as float32"),
        ("sums", each(lambda a: a * np.nan), "out of bounds"),
        ("sums", each(lambda a: a + 2.0**40), "out of bounds"),
        ("sums", each(lambda a: a + 2.0**-40), "no sums of gradients"),
        ("sums", lambda a, s: (a, {"added": s["added"] + 1}), "added other micro-batches"),
        ("sums", lambda a, s: ({}, s), "answers sums as nothing"),
        ("forward", each(lambda a: a[:1, :2]), r"answers y as float32 \[1, 2\], where \[8, 64\]"),
        ("forward", each(lambda a: a + np.inf), "answers y with numbers out of bounds"),
        ("forward", each(lambda a: a.astype(np.float64)), "answers y as float64"),
        ("backward", each(lambda a: a[:0]), r"answers g as float32 \[0, 64\]"),
        ("backward", each(lambda a: a * np.nan), "answers g with numbers out of bounds"),
        ("end", each(lambda a: a[:, 1:]), r"answers g as float32 \[8, 63\]"),
    ],
)
def test_what_a_device_answers_wrongly_is_refused_in_a_line_that_names_it(do, spoil, why):
    hand = Hand(Spoils("bad", do, spoil))
    key, told = {"step": 1, "slot": 0}, {"settings": SETTINGS, "first": 2, "last": 7, "held": 64}
    middle = {"settings": SETTINGS, "first": 2, "last": 4, "held": 64}

    async def all_of_it():
        if do == "probe":
            await hand.measure(10)
            return
        await hand.hold(key, values()[4160:], told, 10)
        await hand.end(key, X[:8], Y[:8], 10, learn=True, on=True)
        assert (await hand.sums(key, len(values()) - 4160, 1, 10)).any()
        await hand.hold({**key, "step": 2}, values()[4160:8320], middle, 10)
        y = await hand.forward({**key, "step": 2}, X[:8], (64,), 10, keep=True)
        await hand.backward({**key, "step": 2}, y, X[:8], 10, there=True, on=True)

    with pytest.raises(FleetError, match=why) as refused:
        asyncio.run(all_of_it())
    assert str(refused.value).startswith("bad ") and len(str(refused.value)) < 120
    hand = Hand(Spoils("good", do, lambda arrays, said: (arrays, said)))
    asyncio.run(all_of_it())


def test_what_bad_devices_did_is_done_by_others_and_counted_once():
    bad = [
        Spoils("bad0", "end", lambda a, s: (a, {"loss": -1.0})),
        Spoils("bad1", "sums", each(lambda a: a * np.nan)),
        Spoils("bad2", "probe", each(lambda a: a * 2)),
    ]
    update, report = trained([*bad, *workers(1 << 30)])
    assert same(update) and {"bad2"} <= set(report.gone) <= {"bad0", "bad1", "bad2"}
    each_record = sum(one.flops for one in costs(Net.of(SETTINGS)))
    whole = each_record * len(X) * (1 + 1 / 3)  # and the loss before
    assert 0.5 * whole < sum(report.work.values()) < 1.001 * whole  # of who is lost in a step, nothing in that step
    assert "bad2" not in report.work


def gone(arrays, said):
    raise FleetError("bad has gone")


class Forced(Node):
    """The first plan is given."""

    async def _planned(self, net):
        found = await super()._planned(net)
        stages = [Stage(0, 1, ("bad",), 1.0), Stage(1, 3, ("w0",), 1.0), Stage(3, 7, ("w1",), 1.0)]
        return found if self.report.gone else stages


@pytest.mark.parametrize(("memory", "again"), [(350_000, 0), (320_000, 1)])
@pytest.mark.parametrize("do", ["hold", "backward"])
def test_who_has_the_memory_stands_in_else_the_step_begins_again_by_another_plan(memory, again, do):
    node = Forced("node", X, Y, [Spoils("bad", do, gone), *workers(memory, memory)])
    update = asyncio.run(node.fit(begun(), WANTED, 60))
    assert same(update) and node.report.again == again and list(node.report.gone) == ["bad"]
    if again:
        assert {name for one in node.report.stages for name in one.devices} == {"w0", "w1"}


def test_a_round_that_takes_too_long_ends_and_the_next_is_whole():
    slow = Slow("slow", 1 << 30)
    node = Node("node", X, Y, [Here(slow)])

    async def two():
        slow.pause = 0.2
        with pytest.raises(TimeoutError):
            await node.fit(begun(), WANTED, 0.7)
        slow.pause = 0.0
        assert (await node.apply(replace(WANTED, settings=SETTINGS | {"layers": [["dense", 10]]}), 60)).records == len(
            X
        )
        return await node.fit(begun(), WANTED, 60)

    assert same(asyncio.run(two()))
    again = Node("node", X, Y, [Here(slow)])  # its leader was started again
    assert same(asyncio.run(again.fit(begun(), WANTED, 60)))


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (replace(WANTED, model="mind"), "can split a model of layers between its devices, not 'mind'"),
        (replace(WANTED, settings={"inputs": 3}), "takes inputs, layers"),
        (replace(WANTED, settings=SETTINGS | {"inputs": 3}), "no model of layers can be made"),
    ],
)
def test_what_no_node_can_train_is_refused_in_a_line(wanted, why):
    node = Node("node", X, Y, workers(FEW))
    with pytest.raises(FleetError, match=why):
        asyncio.run(node.fit(begun(), wanted, 60))


class Hangs(Here):
    async def ask(self, tensors, payload, timeout):
        await asyncio.sleep(timeout)
        raise TimeoutError


def test_who_never_answers_is_waited_for_once():
    update, report = trained([Hangs(Worker(f"h{i}", 1 << 30)) for i in range(5)] + workers(1 << 30), patience=0.5)
    assert same(update) and report.gone == {f"h{i}": "too late" for i in range(5)}


def test_nobody_left_is_one_line_that_names_whom_it_lost():
    lost = Spoils("bad", "sums", each(lambda a: a * np.nan))
    with pytest.raises(FleetError, match=r"^node node: 0 devices cannot hold this model.*lost: bad: bad answers sums"):
        trained([lost])


def test_a_node_is_a_member_beside_devices_and_others_leaders():
    parts = np.array_split(np.arange(len(X)), 2)
    inner = Node("inner", X[parts[0]], Y[parts[0]], workers(FEW, FEW, FEW))
    plain = fleet.TrainingDevice("plain", X[parts[1]], Y[parts[1]])
    leader = fleet.Leader("leader", [inner, fleet.Local(plain)], lambda: fleet.strategy("average"))
    one = fleet.TrainingDevice("inner", X[parts[0]], Y[parts[0]])
    usual = fleet.Leader("leader", [fleet.Local(one), fleet.Local(plain)], lambda: fleet.strategy("average"))
    test = fleet.Test(X, Y)
    demand = fleet.Demand(WANTED, rounds=2)
    by_node, by_one = (
        asyncio.run(fleet.Rounds(demand, [who], fleet.strategy("average"), test).run()) for who in (leader, usual)
    )
    assert [a.tobytes() for a in by_node.parameters] == [a.tobytes() for a in by_one.parameters]
    assert asyncio.run(inner.apply(WANTED, 60)).records == len(parts[0])


@pytest.mark.parametrize(
    ("tensors", "payload", "why"),
    [
        ({}, None, "says what to do"),
        ({}, {"do": "end"}, "says what to do"),
        ({}, {"do": "end", "step": -1, "slot": 0, "which": 0}, "says what to do"),
        ({}, {"do": "end", "step": True, "slot": 0, "which": 0}, "says what to do"),
        ({}, {"do": "end", "step": 9, "slot": 0, "which": 0}, "holds no layers for that step"),
        ({}, {"do": "end", "step": 1, "slot": 0, "which": 0}, "lacks the float32 array 'x'"),
        ({"x": np.zeros((9, 64), np.float32)}, {"do": "end", "step": 1, "slot": 0, "which": 0}, "1 to 8 records"),
        ({"x": np.zeros((2, 63), np.float32)}, {"do": "forward", "step": 1, "slot": 0, "which": 0}, "not the shape"),
        ({"x": np.zeros((2, 64), np.float32)}, {"do": "rm", "step": 1, "slot": 0, "which": 0}, "does not ask for 'rm'"),
        ({}, {"do": "hold", "step": 2, "slot": 0, "which": 0}, "cannot be computed"),
        ({}, {"do": "hold", "step": 2, "slot": 0, "which": 0, "settings": SETTINGS, "first": 3, "last": 9, "held": 8},
         "some of 7 layers"),
        ({"weights": np.zeros(5, np.float32)},
         {"do": "hold", "step": 2, "slot": 0, "which": 0, "settings": SETTINGS, "first": 0, "last": 1, "held": 8},
         "do not fill the shapes"),
        ({}, {"do": "hold", "step": 2, "slot": 0, "which": 0, "settings": SETTINGS, "first": 0, "last": 7,
              "held": 1 << 20}, "this device lends 10.0 MB"),
        ({"left": np.zeros((600, 2), np.float32), "right": np.zeros((2, 2), np.float32)},
         {"do": "probe", "step": 0, "slot": 0, "which": 1}, "a probe is at most"),
    ],
)  # fmt: skip
def test_a_device_refuses_what_a_leader_may_not_ask(tensors, payload, why):
    worker = Worker("w", 10_000_000)
    key = {"step": 1, "slot": 0, "which": 0}
    worker.answer({"weights": values()}, {"do": "hold", **key, "settings": SETTINGS, "first": 0, "last": 7, "held": 64})
    with pytest.raises(FleetError, match=why):
        worker.answer(tensors, payload)
    done = {"x": X[:8], "targets": Y[:8]}
    assert worker.answer(done, {"do": "end", **key, "learn": True})[1]["loss"] > 0  # nothing has changed


def test_a_node_is_a_member_already():
    with pytest.raises(FleetError, match="is a member already"):
        fleet.Local(Node("node", X, Y, workers(FEW, FEW)))
