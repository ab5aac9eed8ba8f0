"""The life of a neuron: learn from the own stream, ask, learn whom to listen to, answer, be paid.

In an epoch it answers with the snapshot that it committed to at the end of the one before, while it learns on. So the
model that answers is the model that was committed, and what it answers does not depend on who asks first.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files, ledger, wire
from klopf.errors import KlopfError, PeersError
from klopf.neuron import Standing
from klopf.peers._adding import adding
from klopf.peers._buyers import Buyers
from klopf.peers._conversations import Conversations, attention, hand_over
from klopf.peers._disputes import receipts_held
from klopf.peers._distilling import Lesson, distilled, keep_gain, parted, probes
from klopf.peers._domain import Limits
from klopf.peers._guests import Guests
from klopf.peers._home import read_data
from klopf.peers._listening import Listener
from klopf.peers._neighbours import MOST_CARDS
from klopf.peers._outlast import outlast, told_where_away
from klopf.peers._participant import Participant, log
from klopf.peers._questions import asked, asked_about, key_of
from klopf.peers._reach import Reach
from klopf.peers._seals import Bond, Seals
from klopf.peers._seat import judged, seat_to_ask_for
from klopf.peers._served import Served
from klopf.peers._shown import trouble
from klopf.peers._statements import Statements
from klopf.peers._states import forget_states_before, last_state, receipts_file, write_listener
from klopf.peers._thinking import answers_in_portions, commitment_of, train, whose
from klopf.peers._vouchers import Till
from klopf.peers.models import Model, create_model, load_model, public_name, save_model

__all__ = ["NeuronSettings", "live"]

HOLD, LOOK = 2.0, 0.05
"""Seconds that an answer waits for its seal to be due before its asker is put off, and between two looks whether
everybody has asked; of a crowd nobody tells, so there is nothing to look for."""
WIDTH = 256
"""Questions and openings at work at a time; most of them wait for the one thread that thinks, or for others."""
DEEPEST = 32
"""Hashes in the proof of a receipt."""
VERSIONS = 4
"""Receipts of one listener for one epoch that are kept: two that differ are worthless to it already."""
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
    price: str = "0"
    """What a requester pays for the answer to one sample, at least, in the token's smallest unit."""
    former: str = ""
    """The model that it had before, and up to the state of which epoch: it answers until the new one is committed."""
    former_until: int = -1
    distil: int = 0
    """Probes in an epoch on which it learns from what its neighbours say together; 0: it does not, and holds no samples
    of its own out."""
    knows: dict[str, Any] = field(default_factory=dict)
    """What it claims to know (:class:`klopf.peers.Domain`); nothing: everything."""


async def live(folder: Path) -> None:
    """Take part in every epoch that is left, then return. Killed at any moment, it can be called again."""
    who = await Participant.open(folder)
    neuron = _Neuron(who)
    await neuron.reach.start()
    try:
        await who.take_part(neuron.listen, neuron.claim)
        await outlast(neuron.finish)
        await who.see_out()
    except _FellSilent:
        log("this neuron is silent: it left, or nobody listens any more; what it earned before is still paid")
        await outlast(lambda: who.attempt("departing", who.book.clock.depart, who.id))
        await outlast(who.leave_beacon)
        await who.see_out()  # what it earned before is still its own
    finally:
        await neuron.reach.stop()
        await who.close()


class _FellSilent(Exception):
    """The registry says that this neuron is silent."""


class _Neuron:
    def __init__(self, who: Participant) -> None:
        self.who = who
        self.settings = NeuronSettings(**who.settings.more)
        self.data = read_data(who.folder)
        self.studied, self.held = parted(self.data, who.settings.seed, self.settings.distil)
        """Samples that it learns from, and those that only say how good it is."""
        self._lesson: Lesson | None = None
        self.familiar = Limits.in_stream(who.task, self.settings.knows, self.data)
        self._model_name, _ = who.conduct.model(self.settings.model, self.settings.settings)
        self.whose = whose(who.settings.name, self._model_name)
        self.served = Served()
        self.seals = Seals(who.seal_seconds)
        self.guests = Guests(who)
        self.till = Till.open(who, int(self.settings.price))
        self.buyers = Buyers(who)
        self.statements = Statements(who)
        self._commitments: dict[int, bytes] = {}
        """Of the models in ``answering``, as far as they were asked for."""
        self._thinker = ThreadPoolExecutor(1, "thinker")
        self.axon = wire.Axon(
            who.certificate, who.key, network=who.network, directory=who.directory,
            port=who.settings.port, on_answer=self._count, flow=wire.Flow(width=WIDTH),
        )  # fmt: skip
        self.reach = Reach(who, self.axon)
        who.presents.append(self.axon.present)
        self.axon.handle("answer", finite=True)(self._answer)
        self.axon.handle("open")(self._open)
        self.axon.handle("asked")(self._asked)
        self.axon.handle("receipt")(self._receipt)
        self.axon.handle("cards")(self._cards)
        self.answering = self._whole_states()
        """By the epoch in which it answers: the state at the end of epoch e answers in epoch e + 1."""

    def _model_folder(self, epoch: int) -> Path:
        return self.who.folder / "state" / str(epoch) / "model"

    def _load(self, epoch: int) -> Model:
        former = epoch <= self.settings.former_until
        name = self.settings.former if former else self._model_name
        return load_model(self._model_folder(epoch), self.who.task, name)

    def _begin(self, before: int) -> Model:
        """What learns on: the state of the epoch ``before`` or, where the model was changed since, a newborn."""
        if before > self.settings.former_until:
            return self._load(before)
        log(f"it learns on as {public_name(self._model_name)}, from the beginning")
        name, own = self.who.conduct.model(self.settings.model, self.settings.settings)
        return create_model(name, self.who.task, self.who.settings.seed, own)

    def _whole_states(self) -> dict[int, Model]:
        """The models of the last two epochs, without those that cannot be read: it goes on from what is whole.

        Raises:
            PeersError: none can be.
        """
        found: dict[int, Model] = {}
        problem: KlopfError | None = None
        last = last_state(self.who.folder)
        for e in (last - 1, last):
            if (self.who.folder / "state" / str(e) / "listener.json").exists():
                try:
                    found[e + 1] = self._load(e)
                except KlopfError as error:
                    problem = error
                    log(f"the state of epoch {e} is passed over: {error}")
        if not found:
            raise PeersError(
                f"no state in {self.who.folder / 'state'} can be read ({problem}): restore one, or remove that folder "
                "and give the `klopf join` that made it again, which learns anew"
            )
        return found

    # ---- axon

    def _snapshot(self, epoch: int) -> Model:
        """The model committed before ``epoch`` began: the latest there is, if epochs were missed."""
        known = [e for e in self.answering if e <= epoch]
        if not known:
            raise wire.Decline(f"no model was committed for epoch {epoch}")
        return self.answering[max(known)]

    @told_where_away
    async def _answer(self, request: wire.Request) -> wire.Answer:
        about, task = asked(request), self.who.task
        try:
            inputs = task.unpack_inputs(request.tensors)
        except PeersError as error:
            raise wire.Decline(f"no question: {error}") from None
        if not 1 <= len(inputs) <= LARGEST_QUESTION:
            raise wire.Decline(f"ask for 1 to {LARGEST_QUESTION} samples at once")
        if not await self.who.runs(about.epoch):
            raise wire.Decline(f"epoch {(await self.who.now()).epoch} runs: ask about that one")
        if not about.offer:
            self.seals.admit(request.peer.id)
        signs = self.statements.asked_by(request.peer)
        await self.guests.admit(request.peer, about.epoch, len(inputs))
        self.who.patience.heard(request.peer.id)
        paid = await self.till.check(request.peer, len(inputs), about.offer, request.payload.get("voucher"))
        if paid is not None:
            self.buyers.paid(request.peer.id, about.epoch)
        try:
            model = await self._committed(about.epoch) if signs else b""  # before: who is asked meanwhile has another
            async with self.guests.turn(request.peer.id, len(inputs)):
                thought = await self._think(about.epoch, inputs)
        except PeersError as error:
            trouble(str(error))
            raise wire.Decline("the model has no answer") from None
        sealed = paid is None or await self._asked_for(about.epoch)
        if paid is not None:  # from here on it is owed, so the ledger is not needed any more
            self.till.keep(paid)
        found = await self.who.conduct.consult(inputs, thought, partial(self._consult, about.epoch))
        said, signed = self.who.conduct.answer(inputs, found), None
        if signs:
            if model != await self._committed(about.epoch):
                raise wire.Decline("the model has changed meanwhile: ask again")
            sign = partial(self.statements.sign, about.epoch, request.peer.id, model, inputs, said)
            said, signed = await asyncio.get_running_loop().run_in_executor(self._thinker, sign)
        answer = wire.Answer(dict(task.pack_answers(said)), signed)
        if not sealed:
            return answer
        bond = Bond(about.epoch, self.who.id, request.peer.id)
        return self.seals.close(bond, about.conversation, len(inputs), answer)

    async def _asked_for(self, epoch: int) -> bool:
        """Whether questions are about for which seals are taken: who pays now might be asked one of them himself."""
        return not self._released(epoch) and await self.who.listening_begins()

    def _released(self, epoch: int) -> bool:
        """Whether all neurons and auditors have asked in ``epoch``, which runs."""
        return self.seals.released(epoch, self.who.askers()) and self.who.has_asked(epoch)

    @told_where_away
    async def _asked(self, request: wire.Request) -> wire.Answer:
        """Somebody asks no more in this epoch."""
        epoch = request.payload
        if type(epoch) is not int or request.peer.id not in self.who.askers() or not await self.who.runs(epoch):
            raise wire.Decline("neurons and auditors say that they ask no more in the running epoch")
        self.who.patience.heard(request.peer.id)
        self.seals.asks_no_more(epoch, request.peer.id)
        return wire.Answer({})

    @told_where_away
    async def _open(self, request: wire.Request) -> wire.Answer:
        """An answer whose seal is due; ``later`` where it is not in a while."""
        peer, key = request.peer.id, key_of(request)
        until, look = time.monotonic() + HOLD, HOLD if self.who.crowded() else LOOK
        while True:
            epoch, left = self.seals.due(peer, key)
            if left <= 0 or (look < HOLD and await self.who.runs(epoch) and self._released(epoch)):
                return self.seals.opened(peer, key)
            if time.monotonic() >= until:
                return wire.Answer({}, "later")
            await asyncio.sleep(min(left, look))

    async def _cards(self, request: wire.Request) -> wire.Answer:
        """Where this neuron and others say they are, and which epoch runs as far as it knows."""
        cards = [self.who.own_card(), *self.who.neighbours.fresh_cards()[: MOST_CARDS - 1]]
        return wire.Answer({}, {"cards": [card.to_json() for card in cards], "epoch": self.who.last_epoch})

    async def _consult(self, epoch: int, inputs: NDArray[Any]) -> dict[int, NDArray[Any]]:
        """What all neighbours say to ``inputs``, as a neuron's conduct may want to know before it answers."""
        return await Conversations(self.who, epoch).ask(self.who.speakers(), inputs)

    async def _committed(self, epoch: int) -> bytes:
        """The commitment of the model that answers in ``epoch``."""
        self._snapshot(epoch)
        which = max(e for e in self.answering if e <= epoch)
        if which not in self._commitments:
            self._commitments[which] = await commitment_of(self.whose, self.answering[which], self.familiar)
        return self._commitments[which]

    async def _think(self, epoch: int, inputs: NDArray[Any]) -> NDArray[Any]:
        """What the snapshot of ``epoch`` answers: in a thread, so that the axon goes on, and one question at a time,
        since a model may use working memory of its own."""
        return await answers_in_portions(self.whose, self._thinker, self._snapshot(epoch), inputs, self.familiar)

    def _count(self, request: wire.Request, answer: wire.Answer) -> None:
        if request.method == "answer" and answer.tensors:
            about, samples = asked(request), len(self.who.task.unpack_inputs(request.tensors))
            self.served.note(about.epoch, request.peer.id, about.conversation, samples, answer.digest)
        elif request.method == "open" and answer.tensors:
            key = key_of(request)
            if (opened := self.seals.first_opened(request.peer.id, key)) is not None:
                bond, conversation, samples = opened
                self.served.note(bond.epoch, bond.listener, conversation, samples, key)

    @told_where_away
    async def _receipt(self, request: wire.Request) -> wire.Answer:
        """Check a receipt against what was served, sign it and keep it: it is what this neuron is paid by."""
        try:
            signed = ledger.SignedReceipt.from_json(request.payload)
            receipt = signed.receipt
            own = replace(signed, speaker_signature=self.who.key.sign(receipt.digest(self.who.book.domain)))
            own.check(self.who.book.domain, request.peer.key, self.who.key.address)
        except KlopfError as error:
            raise wire.Decline(f"no valid receipt: {error}") from None
        if receipt.listener != request.peer.id or receipt.speaker != self.who.id:
            raise wire.Decline("this receipt is between others")
        if not await self.who.runs(receipt.epoch):
            raise wire.Decline(f"no receipt of epoch {receipt.epoch} is due: it does not run")
        if len(own.proof) > DEEPEST:
            raise wire.Decline(f"a proof of {len(own.proof)} hashes: {DEEPEST} do for all who could be in it")
        if not self.served.accepts(receipt.epoch, receipt.listener, receipt.answers, receipt.trail):
            raise wire.Decline("this receipt says less than was served")
        kept, line = self.served.receipts(receipt.epoch, receipt.listener), json.dumps(own.to_json())
        if line not in kept:
            if len(kept) >= VERSIONS:
                raise wire.Decline("too many receipts for one epoch: one is enough")
            files.append_line(receipts_file(self.who.folder, receipt.epoch), line)
            kept.add(line)
        return wire.Answer({}, {"signature": own.speaker_signature.hex()})

    # ---- the two phases of an epoch

    async def listen(self, epoch: int) -> None:
        if self.who.me.standing is Standing.SILENT:
            await self.who.asks_no_more(epoch)
            raise _FellSilent
        await self._knock()
        self.seals.seconds = self.who.seal_seconds
        self.served.keep_only((epoch - 1, epoch, epoch + 1))
        self.statements.keep_since(epoch - 1)
        self._commitments = {e: found for e, found in self._commitments.items() if e >= epoch}
        prepared = self.who.folder / "state" / str(epoch) / "post.json"
        if not prepared.exists():
            await self._work(epoch)
        await self.who.asks_no_more(epoch)  # also whoever has asked nobody
        if await self.who.missed(epoch):
            return
        post = json.loads(prepared.read_text())
        posted = await hand_over(self.who, [ledger.SignedReceipt.from_json(r) for r in post["receipts"]])
        root, commitment = self.who.conduct.post(posted), bytes.fromhex(post["commitment"])
        await self.buyers.have_posted(epoch)
        if await self.who.missed(epoch):
            return
        await self.who.attempt("post", self.who.book.settlement.post, self.who.id, root, commitment)

    async def _work(self, epoch: int) -> None:
        """Learn from the own stream, ask neighbours about some of it, learn whom to listen to; save it all."""
        before = max(e for e in self.answering if e <= epoch) - 1
        state, task = self.who.folder / "state", self.who.task
        model = self._begin(before)
        listener = task.read_listener(json.loads((state / str(before) / "listener.json").read_text()))
        listener.keep_only(self.who.living() - self.who.changed)
        self.who.changed.clear()
        conversations, self._lesson = Conversations(self.who, epoch), None
        weights = await self.who.conduct.listen(
            partial(self._listen, conversations, listener), partial(self._merely_ask, conversations)
        )
        # Learning takes a thread, so that the axon goes on answering meanwhile.
        with ThreadPoolExecutor(1, "learner") as thread:
            seed, passes = self.who.settings.seed, self.settings.passes
            score = await train(self.whose, thread, model, self.studied, seed, epoch, passes)
            save_model(model, self._model_name, self._model_folder(epoch))
            if self._lesson is not None and len(self.held["targets"]):
                taught, gain = await distilled(
                    self.whose, thread, partial(self._load, epoch), self._lesson, passes, self.studied, self.held,
                    (seed, epoch),
                )  # fmt: skip
                keep_gain(self.who.folder, epoch, gain)
                if gain.kept:
                    model = taught
                    save_model(model, self._model_name, self._model_folder(epoch))
        write_listener(self.who.folder, epoch, listener)
        self.answering[epoch + 1] = self._load(epoch)
        self.answering = {e: m for e, m in self.answering.items() if e >= epoch}
        commitment = await commitment_of(self.whose, model, self.familiar)
        post = {"receipts": [r.to_json() for r in conversations.receipts(weights)], "commitment": commitment.hex()}
        files.replace(state / str(epoch) / "post.json", json.dumps(post))
        forget_states_before(self.who.folder, epoch - 1)
        heard = {k: round(w / 65_535, 3) for k, w in weights.items() if w > 0}
        log(f"epoch {epoch}: {task.measure} on the own stream {score:.3f}; listens to {heard}")

    async def _listen(self, conversations: Conversations, listener: Listener) -> dict[int, int]:
        """Ask some neighbours about own samples, and learn from their answers whom to listen to."""
        bound, speakers = await self._bound(), self.who.speakers()
        free = max(0, self.settings.ask - len(bound))
        others = [k for k in speakers if k not in bound]
        fringe_seats = min(free, self.settings.fringe_seats)
        chosen = bound + listener.choose(others, free, fringe_seats, self.who.settings.seed)
        about = asked_about(
            self.who.settings.seed, conversations.epoch, self.settings.questions, len(self.data["targets"])
        )
        inputs, epoch = self.data["inputs"][about], conversations.epoch
        strange = probes(self.data["inputs"], self.settings.distil, (self.who.settings.seed, epoch))
        everything = np.concatenate([inputs, strange]) if self.settings.distil else inputs
        said = await conversations.ask(chosen, everything)
        thought = await self._think(epoch, everything)
        answers, own = {k: answer[: len(about)] for k, answer in said.items()}, thought[: len(about)]
        new, adds = await asyncio.get_running_loop().run_in_executor(
            self._thinker, partial(adding, self.who.task, answers, listener, self.data["targets"][about])
        )
        heard = {k: answer for k, answer in answers.items() if k in new}
        listener.learn(heard | {self.who.id: own}, self.data["targets"][about], inputs)
        if self.settings.distil and said:
            taught_by = {k: said[k][len(about) :] for k in heard} | {self.who.id: thought[len(about) :]}
            self._lesson = Lesson(strange, self.who.task.blend(taught_by, listener.shares(list(taught_by))))
        if repeating := sorted(k for k in answers if k not in heard):
            log(f"epoch {epoch}: {repeating} only repeat what others say")
        return attention(listener.shares_by(adds, [k for k in answers if k in bound] or list(answers)))

    async def _bound(self) -> list[int]:
        """The neurons to whom it is bound to listen in this epoch: nobody else's weights count for them."""
        bound = self.who.book.settlement.bound_to
        return await self.who.attempt("finding its duties", bound, self.who.id, self.who.speakers()) or []

    async def _merely_ask(self, conversations: Conversations, ids: Sequence[int], count: int) -> None:
        await conversations.ask(ids, self.data["inputs"][:count])

    async def claim(self, epoch: int) -> None:
        if self.who.me.standing is Standing.SILENT:
            raise _FellSilent
        held = self.who.conduct.claim(receipts_held(self.who.folder, epoch))
        column = [found for k, s in held.items() if (found := await self.who.on_ledger(self._posted, epoch, k, s))]
        await self.till.redeem()
        if self.who.me.born >= epoch:
            log(f"epoch {epoch}: it was admitted in this one, and is paid for being heard from the next on")
            await self.who.arrive()
            return
        if await self.who.attempt("claim", self.who.book.settlement.claim, self.who.id, column) is None:
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
        await self.till.redeem()
        await self.who.see_settled(self.who.settings.epochs)
        await self._knock()

    # ---- standing

    async def _knock(self) -> None:
        """Ask for a backbone seat if the record earns one."""
        rules = await self.who.on_ledger(self.who.book.rules.current)
        audits = await self.who.on_ledger(judged, self.who.book, self.who.id, list(self.who.others))
        seat = seat_to_ask_for(self.who.me, self.who.others.values(), rules, audits)
        if seat.late:  # a seat is taken only where nothing is missing from either's utility
            await self.who.attempt("collecting for the seated", self.who.book.account_for, seat.late)
            await self.who.refresh()
            seat = seat_to_ask_for(self.who.me, self.who.others.values(), rules, audits)
        if seat.earned:
            await self.who.attempt("knock", self.who.book.registry.knock, self.who.id, seat.incumbent)
            await self.who.refresh()
