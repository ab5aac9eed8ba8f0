"""The life of a neuron (P1, P2, P4): learn from the own stream, ask, learn whom to listen to, answer, be paid.

In an epoch it answers with the snapshot that it committed to at the end of the one before, while it learns on. So the
model that answers is the model that was committed, and what it answers does not depend on who asks first.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import ledger, wire
from klopf.errors import KlopfError, PeersError
from klopf.peers._adversaries import ANOTHER_ROOT, not_claimed_on_purpose
from klopf.peers._asking import Asking, attention, settle
from klopf.peers._disputes import receipts_held
from klopf.peers._listening import Listener
from klopf.peers._model import Model, create_model, load_model, save_model
from klopf.peers._participant import Participant, log, read_data, write_atomically
from klopf.peers._tally import Tally

__all__ = ["NeuronSettings", "birth", "live"]

LARGEST_QUESTION = 4096
"""Samples that are answered in one request."""


@dataclass(frozen=True)
class NeuronSettings:
    """``participant.json``'s ``more`` for a neuron."""

    model: str
    settings: dict[str, Any]
    passes: int
    """How often it goes through its own stream in an epoch."""
    questions: int
    """Samples of its own on which it asks its neighbours in an epoch."""
    ask: int
    fringe_seats: int
    """Neighbours asked in an epoch, and how many of those seats are kept for neighbours to try."""
    favours: int | None = None
    """A colluder: id of the neuron that it gives all its weight to, whatever it has heard."""


def birth(folder: Path, features: int, classes: int, seed: int, settings: NeuronSettings) -> bytes:
    """Make the neuron's first state in ``folder`` and return its commitment. It has gone through its stream once."""
    data = read_data(folder)
    model = create_model(settings.model, features=features, classes=classes, seed=seed, settings=settings.settings)
    _train(model, data, seed, epoch=0, passes=settings.passes)
    save_model(model, folder / "state" / "0" / "model")
    _write_listener(folder, 0, Listener(classes))
    return model.commitment()


async def live(folder: Path) -> None:
    """Take part in every epoch that is left, then return. Killed at any moment, it can be called again."""
    who = await Participant.open(folder)
    neuron = _Neuron(who)
    await neuron.start()
    try:
        await who.take_part(neuron.listen, neuron.claim)
        await neuron.finish()
        await who.see_out()
    except _FellSilent:
        log("nobody listens any more: this neuron fell silent")
        await who.attempt("departing", who.book.clock.depart, who.id)
        await who.see_out()  # what it earned before is still its own
    finally:
        await neuron.axon.stop()
        await who.close()


class _FellSilent(Exception):
    """The registry says that this neuron is silent."""


class _Neuron:
    def __init__(self, who: Participant) -> None:
        self.who = who
        self.settings = NeuronSettings(**who.settings.more)
        who.watch.quarrels = self.settings.model == "litigant"
        self.data = read_data(who.folder)
        self.tally = Tally()
        self._thinker = ThreadPoolExecutor(1, "thinker")
        self.axon = wire.Axon(
            who.certificate, who.key, network=who.network, directory=who.roll,
            host=who.settings.host, port=who.settings.port, on_answer=self._count,
        )  # fmt: skip
        self.axon.handle("answer", finite=True)(self._answer)
        self.axon.handle("receipt")(self._receipt)
        last = _last_state(who.folder)
        # By the epoch in which it answers: the state at the end of epoch e answers in epoch e + 1.
        self.answering = {e + 1: load_model(who.folder / "state" / str(e) / "model") for e in (last - 1, last) if e >= 0
                          and (who.folder / "state" / str(e) / "model").exists()}  # fmt: skip

    async def start(self) -> None:
        await self.axon.start()
        await self.who.announce(f"{self.who.settings.host}:{self.axon.port}")
        log(f"neuron {self.who.id} ({self.who.settings.name}) answers at {self.who.me.endpoint}")

    # ---- axon

    def _snapshot(self, epoch: int) -> Model:
        """The model committed before ``epoch`` began: the latest there is, if epochs were missed."""
        known = [e for e in self.answering if e <= epoch]
        if not known:
            raise wire.Decline(f"no model was committed for epoch {epoch}")
        return self.answering[max(known)]

    async def _answer(self, request: wire.Request) -> wire.Answer:
        inputs, asked = request.tensors.get("inputs"), _asked(request)
        shape = (self.who.settings.features,)
        if inputs is None or inputs.dtype != np.float32 or inputs.ndim != 2 or inputs.shape[1:] != shape:
            raise wire.Decline(f"ask with inputs of float32 and shape (n, {shape[0]})")
        if not 1 <= len(inputs) <= LARGEST_QUESTION:
            raise wire.Decline(f"ask for 1 to {LARGEST_QUESTION} samples at once")
        return wire.Answer({"probabilities": await self._think(asked.epoch, inputs)})

    async def _think(self, epoch: int, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """What the snapshot of ``epoch`` answers: in a thread, so that the axon goes on, and one question at a time,
        since a model may use working memory of its own."""
        model = self._snapshot(epoch)
        return await asyncio.get_running_loop().run_in_executor(self._thinker, model.answer, inputs)

    def _count(self, request: wire.Request, answer: wire.Answer) -> None:
        if request.method == "answer":
            asked, samples = _asked(request), len(request.tensors["inputs"])
            self.tally.served(asked.epoch, request.peer.id, asked.conversation, samples, asked.offer, answer.digest)

    async def _receipt(self, request: wire.Request) -> wire.Answer:
        """Check a receipt against the tally, sign it and keep it: it is what this neuron is paid by."""
        try:
            signed = ledger.SignedReceipt.from_json(request.payload)
            receipt = signed.receipt
            own = replace(signed, speaker_signature=self.who.key.sign(receipt.digest(self.who.book.domain)))
            own.check(self.who.book.domain, request.peer.key, self.who.key.address)
        except KlopfError as error:
            raise wire.Decline(f"no valid receipt: {error}") from None
        if receipt.listener != request.peer.id or receipt.speaker != self.who.id:
            raise wire.Decline("this receipt is between others")
        if not self.tally.accepts(receipt.epoch, receipt.listener, receipt.answers, receipt.fee, receipt.trail):
            raise wire.Decline("this receipt says less than was served")
        file = _receipts_file(self.who.folder, receipt.epoch)
        with open(file, "a", encoding="utf-8") as out:
            out.write(json.dumps(own.to_json()) + "\n")
        return wire.Answer({}, {"signature": own.speaker_signature.hex()})

    # ---- the two phases of an epoch

    async def listen(self, epoch: int) -> None:
        if self.who.me.standing is ledger.Standing.SILENT:
            raise _FellSilent
        await self._knock()
        self.tally.keep_only((epoch - 1, epoch, epoch + 1))
        prepared = self.who.folder / "state" / str(epoch) / "post.json"
        if not prepared.exists():
            await self._work(epoch)
        post = json.loads(prepared.read_text())
        settled = await settle(self.who, [ledger.SignedReceipt.from_json(r) for r in post["receipts"]])
        root = ANOTHER_ROOT if self.settings.model == "perjurer" else settled.root
        commitment = bytes.fromhex(post["commitment"])
        await self.who.attempt("post", self.who.book.settlement.post, self.who.id, root, settled.fees, commitment)

    async def _work(self, epoch: int) -> None:
        """Learn from the own stream, ask neighbours about some of it, learn whom to listen to; save it all."""
        before = max(e for e in self.answering if e <= epoch) - 1
        state = self.who.folder / "state"
        model = load_model(state / str(before) / "model")
        listener = Listener.from_json(json.loads((state / str(before) / "listener.json").read_text()))
        asking = Asking(self.who, epoch)
        if self.settings.favours is None:
            weights = await self._listen_honestly(asking, listener)
        else:
            weights = await self._collude(asking, self.settings.favours)
        # Learning takes a thread, so that the axon goes on answering meanwhile.
        accuracy = await asyncio.to_thread(
            _train, model, self.data, self.who.settings.seed, epoch, self.settings.passes
        )
        save_model(model, state / str(epoch) / "model")
        _write_listener(self.who.folder, epoch, listener)
        self.answering[epoch + 1] = load_model(state / str(epoch) / "model")
        self.answering = {e: m for e, m in self.answering.items() if e >= epoch}
        post = {"receipts": [r.to_json() for r in asking.receipts(weights)], "commitment": model.commitment().hex()}
        write_atomically(state / str(epoch) / "post.json", json.dumps(post).encode())
        _forget_states_before(self.who.folder, epoch - 1)
        heard = {k: round(w / 65_535, 3) for k, w in weights.items() if w > 0}
        log(f"epoch {epoch}: accuracy on the own stream {accuracy:.3f}; listens to {heard}")

    async def _listen_honestly(self, asking: Asking, listener: Listener) -> dict[int, int]:
        chosen = listener.choose(self.who.speakers(), self.settings.ask, self.settings.fringe_seats)
        rng = np.random.default_rng([self.who.settings.seed, asking.epoch, 2])
        count = min(self.settings.questions, len(self.data["labels"]))
        about = rng.choice(len(self.data["labels"]), count, replace=False)
        inputs = self.data["inputs"][about]
        answers = await asking.ask(chosen, inputs)
        own = {self.who.id: await self._think(asking.epoch, inputs)}
        listener.learn(answers | own, self.data["labels"][about])
        return attention(listener.shares(list(answers)))

    async def _collude(self, asking: Asking, friend: int) -> dict[int, int]:
        """Ask one question, so as to have a receipt at all, and give the friend everything."""
        await asking.ask([friend], self.data["inputs"][:1])
        return {friend: 65_535}

    async def claim(self, epoch: int) -> None:
        if self.who.me.standing is ledger.Standing.SILENT:
            raise _FellSilent
        held = receipts_held(self.who.folder, epoch)
        if self.settings.model == "litigant":
            held = not_claimed_on_purpose(held)
        column = [found for k, s in held.items() if (found := await self.who.on_ledger(self._posted, epoch, k, s))]
        done = await self.who.attempt("claim", self.who.book.settlement.claim, self.who.id, column)
        if done is None:
            await self.who.arrive()

    def _posted(
        self, epoch: int, listener: int, versions: list[ledger.SignedReceipt]
    ) -> ledger.SignedReceipt | None:  # fmt: skip
        """The version of a receipt whose root its listener posted; one that is not posted would spoil the claim."""
        posted = self.who.book.settlement.posted(epoch, listener)
        found = next((signed for signed in versions if signed.root == posted), None)
        if found is None:
            log(f"listener {listener} did not post the receipt that it gave")
        return found

    async def finish(self) -> None:
        """After the last epoch: see that it is settled, and ask for a seat a last time."""
        await self.who.see_settled(self.who.settings.epochs)
        await self._knock()

    # ---- standing

    async def _knock(self) -> None:
        """Ask for a backbone seat if the record is good enough: a free one, or that of the least heard in one."""
        me = self.who.me
        if me.standing is not ledger.Standing.FRINGE or not me.passed or me.utility <= 0:
            return
        seated = [p for p in self.who.others.values() if p.standing is ledger.Standing.BACKBONE]
        rules = await self.who.on_ledger(self.who.book.rules.current)
        if me.age <= rules.maturity:
            return
        if len(seated) < rules.seats:
            await self.who.attempt("knock", self.who.book.registry.knock, self.who.id, 0)
        else:
            late = [p.id for p in (*seated, me) if p.accounted < p.age]
            if late:  # a seat is taken only where nothing is missing from either's utility
                await self.who.attempt("collecting for the seated", self.who.book.account_for, late)
                await self.who.refresh()
                me = self.who.me
                seated = [self.who.others[p.id] for p in seated]
            weakest = min(seated, key=lambda p: (p.utility, p.id))
            if me.utility > weakest.utility * (1 + rules.margin_bps / 10_000):
                await self.who.attempt("knock", self.who.book.registry.knock, self.who.id, weakest.id)
        await self.who.refresh()


@dataclass(frozen=True)
class _Asked:
    epoch: int
    offer: int
    conversation: str


def _asked(request: wire.Request) -> _Asked:
    """The payload of a question, checked."""
    try:
        epoch, offer = int(request.payload["epoch"]), int(request.payload["offer"])
        conversation = str(request.payload["conversation"])
    except (KeyError, TypeError, ValueError):
        raise wire.Decline("ask with epoch, offer and conversation") from None
    if not (0 <= epoch < 2**32 and 0 <= offer < 2**96 and len(conversation) <= 32):
        raise wire.Decline("epoch, offer or conversation out of range")
    return _Asked(epoch, offer, conversation)


def _train(model: Model, data: dict[str, Any], seed: int, epoch: int, passes: int) -> float:
    """Go through the own stream ``passes`` times, in an order drawn from the seed; returns accuracy on it before."""
    inputs, labels = data["inputs"], data["labels"]
    before = float((model.answer(inputs).argmax(axis=1) == labels).mean())
    rng = np.random.default_rng([seed, epoch, 1])
    for _ in range(passes):
        order = rng.permutation(len(labels))
        model.learn(inputs[order], labels[order])
    return before


def _write_listener(folder: Path, epoch: int, listener: Listener) -> None:
    write_atomically(folder / "state" / str(epoch) / "listener.json", json.dumps(listener.to_json()).encode())


def _last_state(folder: Path) -> int:
    """The latest epoch whose state is complete."""
    epochs = [int(p.parent.name) for p in (folder / "state").glob("*/listener.json") if p.parent.name.isdigit()]
    if not epochs:
        raise PeersError(f"{folder / 'state'} holds no complete state: restore it, or begin a new run")
    return max(epochs)


def _forget_states_before(folder: Path, epoch: int) -> None:
    import shutil

    for old in (folder / "state").iterdir():
        if old.name.isdigit() and int(old.name) < epoch:
            shutil.rmtree(old)


def _receipts_file(folder: Path, epoch: int) -> Path:
    (folder / "receipts").mkdir(exist_ok=True)
    return folder / "receipts" / f"{epoch}.jsonl"
