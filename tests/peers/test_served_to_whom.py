"""What a neuron's own handlers let in: only the epoch that runs, only those who are bound to ask, so much of each."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from klopf import ledger, wire
from klopf.errors import Unanswered
from klopf.ledger import Receipt, Role, SignedReceipt, Standing, keys
from klopf.ledger._receipts import Domain
from klopf.peers import Classes
from klopf.peers import _neuron as module
from klopf.peers._buyers import Buyers
from klopf.peers._clock import SharedClock
from klopf.peers._conduct import ConductSettings
from klopf.peers._guests import MOST_SAMPLES, Guests
from klopf.peers._participant import Participant
from klopf.peers._patience import Patience
from klopf.peers._seals import CROWD, Seals
from klopf.peers._served import Served
from klopf.peers._vouchers import Till

TASK = Classes(("x",), ("a", "b"))
ME, PEER = keys.new(), keys.new()
DOMAIN = Domain(1337, "0x" + "11" * 20)
ANSWERED = {"probabilities": np.array([[0.3, 0.7]], np.float32)}


class Model:
    task = TASK
    portion = 4096

    def answer(self, inputs):
        return np.repeat(ANSWERED["probabilities"], len(inputs), 0)


def neuron(folder, running=7, seconds=30.0, requesters=0, asked=lambda epoch: True):
    """Neuron 1 with all its handlers; 2, 3 and 4 are neurons, 5 an auditor that was drawn and 6 one that was not, 7 a
    neuron without stake; requesters from 100 on."""
    one = object.__new__(module._Neuron)
    kinds = [(Role.NEURON, Standing.FRINGE)] * 4 + [(Role.AUDITOR, Standing.NONE)] * 2 + [(Role.NEURON, Standing.NONE)]
    others = {k: SimpleNamespace(id=k, role=role, standing=s) for k, (role, s) in enumerate(kinds, 1)}
    others |= {
        k: SimpleNamespace(id=k, role=Role.REQUESTER, standing=Standing.NONE) for k in range(100, 100 + requesters)
    }

    async def on_ledger(call, *arguments):
        return call(*arguments)

    who = Participant.__new__(Participant)
    who.others, who.id, who.task, who.key, who.folder = others, 1, TASK, ME, folder
    who.conduct, who.seal_seconds, who.on_ledger = ConductSettings().make(TASK), seconds, on_ledger
    who.has_asked, who._clock, who.patience = asked, SharedClock(), Patience(folder / "patience.json")
    clock = SimpleNamespace(
        now=lambda: SimpleNamespace(epoch=one.running, phase=ledger.Phase.LISTEN, time=0, deadline=60)
    )
    who.book = SimpleNamespace(clock=clock, domain=DOMAIN, audits=SimpleNamespace(drawn=lambda epoch, k: [5]))
    one.who, one.running, one.whose = who, running, "one"
    one.seals, one.served, one.guests, one.till = Seals(seconds), Served(), Guests(who), Till(who, 0)
    one.statements, one.buyers = SimpleNamespace(asked_by=lambda peer: False), Buyers(who)
    one._thinker, one._commitments, one.familiar = ThreadPoolExecutor(1), {}, None
    one.answering = {running - 1: Model(), running: Model()}
    return one


def asks(peer, method, payload, tensors=None):
    return SimpleNamespace(
        peer=SimpleNamespace(id=peer, key=PEER.address), method=method, payload=payload, tensors=tensors or {}
    )


async def question(one, epoch=7, peer=4, samples=1):
    tensors = dict(TASK.pack_inputs(np.zeros((samples, 1), np.float32)))
    return await one._answer(asks(peer, "answer", {"epoch": epoch, "offer": "0", "conversation": "c"}, tensors))


async def opens(one, answer, peer=4, seconds=0.2):
    """What a seal opens to in a while; None where it is not due."""
    try:
        return await asyncio.wait_for(one._open(asks(peer, "open", {"seal": answer.payload["seal"]})), seconds)
    except TimeoutError:
        return None


@pytest.mark.parametrize("epoch", [6, 8, 0, 2**32 - 1])
def test_no_question_is_answered_but_of_the_epoch_that_runs(tmp_path, epoch):
    with pytest.raises(wire.Decline, match="epoch 7 runs"):
        asyncio.run(question(neuron(tmp_path), epoch))


def test_a_seal_is_opened_when_all_have_asked_and_no_message_about_another_epoch_changes_that(tmp_path):
    async def life():
        one = neuron(tmp_path)
        for k in (2, 3, 4, 5, 6):
            one.seals.asks_no_more(6, k)
        given = await question(one)
        assert await opens(one, given) is None
        for epoch in (6, 8, 2**32 - 1, -1, True, "7", None):
            with pytest.raises(wire.Decline, match="running epoch"):
                await one._asked(asks(2, "asked", epoch))
        for stranger in (7, 99, 100):
            with pytest.raises(wire.Decline, match="running epoch"):
                await one._asked(asks(stranger, "asked", 7))
        for k in (2, 3, 4, 5):
            await one._asked(asks(k, "asked", 7))
        assert await opens(one, given) is None
        await one._asked(asks(6, "asked", 7))
        assert (await opens(one, given)).tensors.keys() == ANSWERED.keys()
        assert len(one.seals._asked) == 2

    asyncio.run(life())


def test_a_seal_of_an_epoch_that_is_over_waits_its_time(tmp_path):
    async def life():
        one = neuron(tmp_path)
        given = await question(one)
        one.running = 8
        for k in (2, 3, 4, 5, 6):
            one.seals.asks_no_more(7, k)
        one.who._clock = SharedClock()
        assert await opens(one, given) is None

    asyncio.run(life())


def test_requesters_count_on_neither_end(tmp_path):
    one = neuron(tmp_path, requesters=CROWD + 1)
    assert one.who.askers() == {2, 3, 4, 5, 6}
    told = []

    async def tell(k, epoch):
        told.append(k)

    async def life():
        one.who.speakers, one.who._tell, one.who._telling = lambda: [2, 3, 4], tell, None
        one.who.has_asked = lambda epoch: False
        await Participant.asks_no_more(one.who, 7)
        await one.who._telling

    asyncio.run(life())
    assert told == [2, 3, 4]


def test_who_is_not_bound_to_ask_is_not_answered_for_nothing_and_nobody_without_end(tmp_path):
    async def life():
        one = neuron(tmp_path, requesters=1)
        await question(one, peer=5)
        for peer, why in ((6, "not drawn"), (7, "without a standing"), (99, "not in the registry")):
            with pytest.raises(wire.Decline, match=why):
                await question(one, peer=peer)
        assert (await question(one, peer=100)).payload, "what a requester owes is the till's affair"
        await one.guests.admit(SimpleNamespace(id=2), 7, MOST_SAMPLES)
        with pytest.raises(wire.Decline, match="ask less"):
            await one.guests.admit(SimpleNamespace(id=2), 7, 1)
        await one.guests.admit(SimpleNamespace(id=2), 8, 1)

    asyncio.run(life())


def test_receipts_fill_no_disk(tmp_path):
    def receipt(epoch, answers=1, proof=0):
        made = Receipt(epoch, 4, 1, answers, 1, os.urandom(32))
        signature = PEER.sign(made.digest(DOMAIN))
        return SignedReceipt(made, signature, b"", tuple(os.urandom(32) for _ in range(proof))).to_json()

    async def life():
        one = neuron(tmp_path)
        for epoch in (6, 8, 10**9):
            with pytest.raises(wire.Decline, match="does not run"):
                await one._receipt(asks(4, "receipt", receipt(epoch)))
        with pytest.raises(wire.Decline, match="a proof of 33"):
            await one._receipt(asks(4, "receipt", receipt(7, proof=33)))
        first = receipt(7)
        for _ in range(5):
            await one._receipt(asks(4, "receipt", first))
        with pytest.raises(wire.Decline, match="too many receipts"):
            for _ in range(10):
                await one._receipt(asks(4, "receipt", receipt(7)))
        lines = [line for file in (tmp_path / "receipts").iterdir() for line in file.read_text().splitlines()]
        assert len(lines) == module.VERSIONS

    asyncio.run(life())


@pytest.mark.parametrize(("running", "posts"), [(7, 1), (8, 0)], ids=["in time", "too late"])
def test_what_is_late_for_an_epoch_is_not_posted_in_the_next(tmp_path, running, posts):
    one, done = neuron(tmp_path, running), []
    one.who.book.settlement = SimpleNamespace(post=None)
    (tmp_path / "state" / "7").mkdir(parents=True)
    (tmp_path / "state" / "7" / "post.json").write_text('{"receipts": [], "commitment": "00"}')

    async def nothing(*_):
        pass

    async def attempt(what, *_):
        done.append(what)

    one._knock, one.who.asks_no_more, one.who.attempt = nothing, nothing, attempt
    one.statements.keep_since = lambda epoch: None
    asyncio.run(one.listen(7))
    assert done == ["post"] * posts


def test_whoever_puts_many_questions_waits_for_itself_and_others_for_one_of_them(tmp_path):
    """A registered requester without stake, 64 questions of 4,096 samples in flight."""
    one, order = neuron(tmp_path, requesters=1), []

    async def think(epoch, inputs):
        await asyncio.get_running_loop().run_in_executor(one._thinker, time.sleep, 0.005)
        order.append(len(inputs))
        return Model().answer(inputs)

    async def life():
        one._think = think
        flood = [asyncio.create_task(question(one, peer=100, samples=4096)) for _ in range(64)]
        await asyncio.sleep(0.002)
        await question(one, peer=4)
        before = order.index(1)
        outcomes = await asyncio.gather(*flood, return_exceptions=True)
        await question(one, peer=100, samples=4096)
        return before, outcomes

    before, outcomes = asyncio.run(life())
    assert before <= 2
    refused = [one for one in outcomes if isinstance(one, wire.Decline)]
    assert len(refused) == 60 and "wait already" in str(refused[0])
    assert not one.guests._waiting and not one.guests._turns


def test_of_whom_too_many_answers_wait_no_further_question_is_thought_about(tmp_path):
    one, thought = neuron(tmp_path, requesters=1), []

    async def think(epoch, inputs):
        thought.append(1)
        return Model().answer(inputs)

    async def life():
        one._think = think
        return await asyncio.gather(*(question(one, peer=100) for _ in range(64))), await question(one, peer=4)

    async def more():
        with pytest.raises(wire.Decline, match="open them first"):
            await question(one, peer=100)

    asyncio.run(life())
    asyncio.run(more())
    assert len(thought) == 65


@pytest.mark.parametrize("known", [(0, 0), (6, 60)], ids=["LISTEN never read", "read in the epoch before"])
def test_where_the_ledger_is_away_a_paid_question_is_answered_all_the_same(tmp_path, known):
    """How long LISTEN lasts was looked up after the voucher was kept: its requester paid for 'the handler failed'."""

    def away(*_):
        raise Unanswered("no answer from the node")

    async def life():
        one = neuron(tmp_path, requesters=1)
        one.who.book.rules, one.who._listen_seconds = SimpleNamespace(current=away), known
        kept, voucher = [], object()

        async def check(peer, samples, offer, record):
            return voucher

        one.till.check, one.till.keep = check, kept.append
        given = await question(one, peer=100)
        assert kept == [voucher]
        assert given.tensors or given.payload["seal"]

    asyncio.run(life())


def test_who_asks_what_needs_the_ledger_while_it_is_away_is_told_so(tmp_path):
    def away(*_):
        raise Unanswered("no answer from the node")

    async def life():
        one = neuron(tmp_path)
        one.who.book.audits.drawn = away
        with pytest.raises(wire.Decline, match=r"the ledger is away \(no answer from the node\): ask again later"):
            await question(one, peer=5)

    asyncio.run(life())
