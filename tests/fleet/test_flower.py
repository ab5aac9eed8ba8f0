"""Flower's own strategy and client app, unchanged, over our links. Needs the extra flower."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError, MissingExtra
from klopf.extras import missing
from klopf.fleet.models import made
from tests.fleet.homes import SETTINGS, devices

pytestmark = pytest.mark.extras
needs = pytest.mark.skipif(bool(missing("flower")), reason='needs pip install "klopf[flower]"')


def app_of(device, fails=False):
    """A Flower client app as its users write them."""
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    app = ClientApp()

    @app.train()
    def train(message, context):
        if fails:
            raise ValueError("a fault of the app's own")
        model = made("mind", SETTINGS, 0)
        model.load([a.astype(np.float32) for a in message.content["arrays"].to_numpy_ndarrays()])
        model.train(device.inputs, device.targets, 2, np.random.default_rng(0))
        content = {
            "arrays": ArrayRecord(model.parameters()),
            "metrics": MetricRecord({"num-examples": len(device.inputs)}),
        }
        return Message(RecordDict(content), reply_to=message)

    @app.evaluate()
    def evaluate(message, context):
        model = made("mind", SETTINGS, 0)
        model.load([a.astype(np.float32) for a in message.content["arrays"].to_numpy_ndarrays()])
        score = model.score(device.inputs, device.targets)
        metrics = MetricRecord({"accuracy": score, "num-examples": len(device.inputs)})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return app


class Home:
    """Devices that answer from a thread of their own."""

    def __init__(self, asker, apps):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.posts = asyncio.run_coroutine_threadsafe(self.open(asker, apps), self.loop).result(30)
        self.cards = [post.card() for post in self.posts]

    async def open(self, asker, apps):
        posts = []
        for i, app in enumerate(apps):
            post = fleet.Post(f"d{i}")
            post.knows(asker)
            await fleet.serve_flower(post, app, config={"partition-id": i})
            posts.append(post)
        return posts

    def close(self):
        for post in self.posts:
            asyncio.run_coroutine_threadsafe(post.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@needs
def test_fedavg_runs_unchanged():
    from flwr.app import ArrayRecord, MetricRecord
    from flwr.serverapp.strategy import FedAvg

    own, test = devices(4)
    server = fleet.Post("server")
    home = Home(server.card(), [app_of(d) for d in own])
    start = made("mind", SETTINGS, 0)

    def judge(number, arrays):
        model = made("mind", SETTINGS, 0)
        model.load([a.astype(np.float32) for a in arrays.to_numpy_ndarrays()])
        return MetricRecord({"accuracy": model.score(test.inputs, test.targets)})

    with fleet.FlowerLinks(server, home.cards) as grid:
        done = FedAvg(fraction_train=1.0, fraction_evaluate=1.0, min_available_nodes=4).start(
            grid, ArrayRecord(start.parameters()), num_rounds=6, evaluate_fn=judge
        )
    home.close()
    assert done.evaluate_metrics_serverapp[6]["accuracy"] > 0.85
    assert done.evaluate_metrics_clientapp[6]["accuracy"] > 0.85


@needs
@pytest.mark.parametrize("sparse", [False, True])
def test_our_rounds_run_over_a_grid_of_flowers(sparse):
    """As over a SuperLink's: valued, and to the bit as here."""
    own, test = devices(4)
    wanted = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3, sparse=sparse)
    demand = fleet.Demand(wanted, rounds=3, deadline=60)
    validation = fleet.Validation(test.inputs, test.targets, bytes(16))

    def rounds(members):
        return fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation)

    here = asyncio.run(rounds([fleet.Local(device) for device in devices(4)[0]]).run())
    server = fleet.Post("server")
    home = Home(server.card(), [fleet.flower_app(device) for device in own])
    with fleet.FlowerLinks(server, home.cards) as grid:
        members = fleet.flower_members(grid)
        said = asyncio.run(members[0].apply(wanted, 20))
        there = asyncio.run(rounds(members).run())
    home.close()
    assert said.records == len(own[0].inputs) and len(said.inputs) == 4
    assert [a.tobytes() for a in there.parameters] == [a.tobytes() for a in here.parameters]
    assert list(there.shares.values()) == list(here.shares.values()) and there.rounds[0].received > 0


@needs
def test_who_declines_or_answers_wrongly_over_a_grid_is_left_out():
    own, test = devices(3)
    wanted = fleet.Instructions("digits", "mind", SETTINGS, seed=3)
    server = fleet.Post("server")
    small = fleet.TrainingDevice("small", test.inputs[:20, :3], test.targets[:20])
    home = Home(server.card(), [fleet.flower_app(own[0]), fleet.flower_app(small), app_of(own[2])])
    with fleet.FlowerLinks(server, home.cards) as grid:
        demand = fleet.Demand(wanted, rounds=1, deadline=60)
        outcome = asyncio.run(fleet.Rounds(demand, fleet.flower_members(grid), fleet.strategy("robust"), test).run())
    home.close()
    assert set(outcome.rounds[0].used) == {"node1"}
    assert set(outcome.rounds[0].left_out) == {"node2", "node3"}
    assert all(name in why for name, why in outcome.rounds[0].left_out.items())


@needs
def test_who_works_for_pay_or_for_a_signed_word_alone_does_so_over_a_grid(tmp_path):
    own, test = devices(4)
    wanted = fleet.Instructions("digits", "mind", SETTINGS, seed=3)
    server, names = fleet.Post("server"), [f"node{i}" for i in (1, 2, 3, 4)]
    asker = server.card()
    told = [fleet.Told(tmp_path / f"{name}.jsonl", name) for name in names[:3]]
    apps = [fleet.flower_app(d, allowed=t, asker=asker) for d, t in zip(own, told, strict=False)]
    apps.append(fleet.flower_app(own[3], allowed=lambda peer, _: f"not for {peer.key}", asker=asker))
    with pytest.raises(FleetError, match="give asker"):
        fleet.flower_app(own[0], allowed=told[0])
    said = {name: fleet.Statement("digits", 0, 1, name, 0.5, 0.25, "a", "b").signed(server.sign) for name in names[:2]}
    home = Home(asker, apps)
    with fleet.FlowerLinks(server, home.cards) as grid:
        demand, members = fleet.Demand(wanted, rounds=2, deadline=60), fleet.flower_members(grid)
        heard = lambda name: said.get(name, {})  # noqa: E731
        outcome = asyncio.run(fleet.Rounds(demand, members, fleet.strategy("average"), test, says=heard).run())
    home.close()
    assert [set(one.used) for one in outcome.rounds] == [set(names[:3]), set(names[:2])]
    assert f"not for {server.peer.key}" in outcome.rounds[0].left_out["node4"]
    assert "not accounted for" in outcome.rounds[1].left_out["node3"]
    assert (tmp_path / "node1.jsonl").exists()


@needs
def test_who_fails_is_an_error_as_flower_expects_it_and_strangers_are_refused():
    from flwr.app import ArrayRecord, ConfigRecord, RecordDict

    own, _ = devices(2)
    server, other = fleet.Post("server"), fleet.Post("other")
    home = Home(server.card(), [app_of(own[0]), app_of(own[1], fails=True)])
    content = {"arrays": ArrayRecord(made("mind", SETTINGS, 0).parameters()), "config": ConfigRecord({})}
    with fleet.FlowerLinks(server, home.cards) as grid:
        asked = [grid.create_message(RecordDict(content), "train", node, "1") for node in (1, 2, 3)]
        replies = {r.metadata.src_node_id: r for r in grid.send_and_receive(asked, timeout=20)}
        assert replies[1].has_content() and replies[2].has_error() and replies[3].has_error()
        late = grid.create_message(RecordDict(content), "train", 1, "1")
        assert list(grid.pull_messages(["nothing"])) == []
        assert len(list(grid.push_messages([late]))) == 1
    with fleet.FlowerLinks(other, home.cards) as grid:
        asked = [grid.create_message(RecordDict(content), "train", 1, "1", ttl=3.0)]
        (reply,) = grid.send_and_receive(asked)
        assert reply.has_error()
    home.close()


def test_without_flower_it_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("klopf.extras").extras.EXTRAS, "flower", ("no_such_flower",))
    with pytest.raises(MissingExtra, match=r"klopf\[flower\]"):
        fleet.FlowerLinks(fleet.Post("server"), [])
