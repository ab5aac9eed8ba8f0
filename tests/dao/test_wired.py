"""A pipeline whose neurons are asked over the wire: real axons with certificates, named and paid by a ledger."""

import asyncio
import contextlib
import threading

import numpy as np
import pytest

from klopf import chain, ledger
from klopf.dao import _wired as wired
from klopf.dao.pipeline import Neuron, Pipeline
from klopf.errors import DaoError, Refused
from klopf.ledger import KLP
from klopf.peers import Classes


class Served:
    """Neurons that answer, each under its own key and certificate, in a thread of their own."""

    def __init__(self, place, deployment, folder):
        self.place, self.deployment, self.folder = place, deployment, folder
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.tasks, self.books, self.ids = {}, contextlib.ExitStack(), {}

    def book(self, number):
        key = ledger.Key(number.to_bytes(32, "big"))
        return self.books.enter_context(ledger.connect(self.place, key, self.deployment))

    def start(self, number, neuron, **more):
        there = threading.Event()

        def told(id, endpoint):
            self.ids[neuron.name] = id
            there.set()

        made = wired.serve(self.book(number), neuron, self.folder / neuron.name, told=told, **more)
        self.tasks[neuron.name] = asyncio.run_coroutine_threadsafe(made, self.loop)
        assert there.wait(30)
        return self.ids[neuron.name]

    def stop(self, name):
        task = self.tasks.pop(name)
        task.cancel()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.5), self.loop).result()  # until it has ended

    def close(self):
        for name in list(self.tasks):
            self.stop(name)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.2), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.books.close()


@pytest.fixture
def served(tmp_path):
    place = str(tmp_path / "ledger.sqlite")
    chain.create(place, chain_id=1337).close()
    deployment = ledger.deploy(place, ledger.Key((1).to_bytes(32, "big")), ledger.Parameters())
    deployment.save(tmp_path / "deployment.json")
    made = Served(place, deployment, tmp_path)
    yield made
    made.close()


RNG = np.random.default_rng(0)


def questions(n=200):
    inputs = RNG.normal(size=(n, 4)).astype(np.float32)
    return inputs, (inputs[:, 0] + inputs[:, 1] > 0).astype(np.int64)


def said(sums):
    p = 1 / (1 + np.exp(-4 * sums))
    return np.stack([1 - p, p], axis=1).astype(np.float32)


def test_neurons_behind_axons_are_heard_and_paid_and_one_that_goes_bad_is_out_within_three_epochs(served):
    bad = threading.Event()

    def judge(inputs):
        return -inputs[:, :3] if bad.is_set() else inputs[:, :3]

    def spare(inputs):
        return inputs[:, :3] + 0.5 * np.sin(50 * inputs[:, 1:])

    pool = [
        Neuron("judge", 4, 3, judge), Neuron("spare", 4, 3, spare), Neuron("other", 4, 3, lambda x: x[:, 1:]),
        Neuron("act", 3, 2, lambda x: said(x[:, 0] + x[:, 1])), Neuron("half", 3, 2, lambda x: said(x[:, 2])),
    ]  # fmt: skip
    ids = {one.name: served.start(10 + k, one) for k, one in enumerate(pool)}
    task, book = Classes(tuple("abcd"), ("no", "yes")), served.book(1)
    with wired.Line(book, served.folder / "asker") as line:
        asked = [line.neuron(one.name, ids[one.name], one.takes, one.gives) for one in pool]
        assert asked[0].answer(np.ones((2, 4), np.float32)).tolist() == [[1, 1, 1], [1, 1, 1]]
        with pytest.raises(Refused):
            line.neuron("judge", ids["judge"], 3, 2).answer(np.ones((2, 3), np.float32))
        line.news()  # whom one has not heard is asked again
        made = Pipeline(task, ["judge", "act"], asked, rows=16)
        before = {one.name: book.token.balance(served.book(10 + k).me.address) for k, one in enumerate(pool)}
        for _ in range(3):
            learned = made.learn(*questions())
            got = line.pay(ids, learned.pay, 10 * KLP)
        assert not learned.troubles and learned.score > 0.9
        me = book.registry.id_of(book.me.address)
        promised = {name: book.vouchers.reserved(me, k) for name, k in ids.items()}
        assert promised["judge"].good_for >= got["judge"] and promised["judge"].redeemed == 0
        for name in ("judge", "spare", "other", "act", "half"):  # what is due is taken when a neuron ends
            served.stop(name)
            served.start(10 + [one.name for one in pool].index(name), next(one for one in pool if one.name == name))
        line.news()
        after = {one.name: book.token.balance(served.book(10 + k).me.address) for k, one in enumerate(pool)}
        assert got["judge"] > got.get("spare", 0) and got["act"] > 0 and sum(got.values()) <= 10 * KLP
        assert after["judge"] - before["judge"] == promised["judge"].good_for >= got["judge"]
        assert after["other"] - before["other"] < KLP
        assert made.shares()["judge"]["judge"] > 0.5

        bad.set()
        for _ in range(3):
            learned = made.learn(*questions())
        assert made.shares()["judge"].get("judge", 0.0) < 0.05 and learned.pay.get("judge", 0.0) < 0.02

        served.stop("act")  # and who is not there is not heard
        learned = made.learn(*questions())
        assert "act" in learned.troubles and "act" not in learned.pay


def test_who_may_ask_and_who_may_serve(served):
    one = Neuron("one", 4, 2, lambda x: x[:, :2])
    id = served.start(10, one, only=frozenset({7}))
    with wired.Line(served.book(1), served.folder / "asker") as line, pytest.raises(Refused, match="answers others"):
        line.neuron("one", id, 4, 2).answer(np.ones((1, 4), np.float32))
    served.stop("one")
    assert served.start(10, one) == id  # it is the same after a restart
    with wired.Line(served.book(1), served.folder / "asker") as line:
        assert line.neuron("one", id, 4, 2).answer(np.ones((1, 4), np.float32)).shape == (1, 2)
    with pytest.raises(DaoError, match="registered as neuron, not requester"):
        wired.Line(served.book(10), served.folder / "another")


FILE = """stages = ["read"]
[questions]
learn = "q.csv"
held_out = "q.csv"
answer = "y"
epoch = 8
[[neurons]]
name = "one"
{how}
takes = 1
gives = 2
"""


def test_from_a_file_at_a_terminal(served, tmp_path, monkeypatch, capsys, klopf):
    (tmp_path / "q.csv").write_text("x,y\n" + "".join(f"{x},{int(x > 8)}\n" for x in range(16)))
    file, key = tmp_path / "wired.toml", tmp_path / "key.json"
    file.write_text(FILE.format(how='model = "x:y"\nid = 3'))
    assert klopf("dao", "pipeline", str(file)) == 2
    assert "either a model, or the id" in capsys.readouterr().err
    file.write_text(FILE.format(how=f"id = {served.start(10, Neuron('one', 1, 2, lambda x: said(x[:, 0] - 8.5)))}"))
    monkeypatch.setenv("KLOPF_PASSPHRASE", "correct horse")
    ledger.keys.save(ledger.Key((1).to_bytes(32, "big")), key, "correct horse", light=True)
    place = ["--rpc", served.place, "--deployment", str(tmp_path / "deployment.json"), "--key", str(key)]
    assert klopf("dao", "pipeline", str(file)) == 2 and "needs a key" in capsys.readouterr().err
    assert klopf("dao", "pipeline", str(file), *place, "--pay", "2") == 0
    out = capsys.readouterr().out
    assert "held out 1.000" in out and "paid one 2" in out
    assert klopf("dao", "pipeline", str(file), *place, "--pay", "2", "--ahead", "3") == 0
    book = served.book(1)
    left = book.vouchers.reserved(book.registry.id_of(book.me.address), served.ids["one"])
    assert left.good_for == 7 * KLP  # two epochs that paid, and what is ahead
    assert klopf("dao", "serve", str(file), "one", *place) == 2
    assert "makes no neuron 'one': there are none" in capsys.readouterr().err
