"""The life of an auditor: ask the neurons it is drawn for, commit to what it found, reveal it.

What it found, and the transcript of it, is written to its folder before it commits, so that a crash between commit and
reveal loses nothing.
"""

from __future__ import annotations

import asyncio
import copy
import json
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files, ledger
from klopf.audit._breaker import Breaker
from klopf.audit._declared import Declared
from klopf.audit._doubts import Doubts
from klopf.audit._evidence import Evidence
from klopf.audit._exchange import Exchange
from klopf.audit._lots import Unasked, noise
from klopf.audit._transcript import transcript
from klopf.audit._within import score_within
from klopf.audit.tasks import Score, audit_tasks
from klopf.errors import AuditError, ExtensionError
from klopf.extensions import guarded, said
from klopf.ledger.audit.audits import fitting
from klopf.ledger.evidence import Challenges
from klopf.peers import Conversations, Domain, Participant, different, has_evidence, log, read_data, trouble

__all__ = ["AuditorSettings", "live"]


@dataclass(frozen=True)
class AuditorSettings:
    """``participant.json``'s ``more`` for an auditor."""

    questions: int
    """Held-out samples put to a neuron in one audit."""
    tasks: tuple[str, ...] = ()
    """Audit tasks by name; the usual ones of the network's kind of task if there are none."""


async def live(folder: Path) -> None:
    """Take part in every epoch that is left, then return. Killed at any moment, it can be called again."""
    who = await Participant.open(folder)
    auditor = _Auditor(who)
    try:
        await auditor.keep_watch()
        await who.take_part(auditor.listen, auditor.reveal)
        await who.see_out()
    finally:
        await auditor.stop()
        await who.close()


class _Auditor:
    def __init__(self, who: Participant) -> None:
        self.who = who
        self.settings = AuditorSettings(**who.settings.more)
        self.data = read_data(who.folder)
        self.tasks = audit_tasks(self.settings.tasks, who.task, left_out=trouble)
        (who.folder / "state").mkdir(exist_ok=True)
        self.signed = False
        """Whether neurons sign what they answer, and auditors doubt each other."""
        self.samples = different(self.data["inputs"])
        """The held-out samples whose inputs no earlier one has: no transcript has a question twice."""
        self.unasked = Unasked(self.data["inputs"][self.samples], self.settings.questions)
        self._committed: dict[int, dict[int, bytes]] = defaultdict(dict)
        """By neuron and epoch, the models that it committed to of late."""
        self._read = 0
        self.declared: Declared | None = None
        self._worse: set[int] = set()
        """Neurons that in this epoch did worse than a task's control, beyond what chance allows."""
        self._exchange: Exchange | None = None
        self._exchanging: asyncio.Task[None] | None = None

    async def keep_watch(self) -> None:
        """Where answers are signed: ask for signatures, doubt the others, show what they doubt, and give and get what
        neurons signed."""
        if has_evidence(self.who):
            self.signed, self._read = True, self.who.book.deployment.block
            self.who.looks.append(Doubts(self.who.book, self.who.id, self.who.folder, log).look)
            self._exchange = Exchange(self.who)
            await self._exchange.start()
            self._exchanging = asyncio.create_task(self._exchange.run())

    async def stop(self) -> None:
        if self._exchanging is not None:
            self._exchanging.cancel()
            await asyncio.gather(self._exchanging, return_exceptions=True)
        if self._exchange is not None:
            await self._exchange.stop()

    def _file(self, epoch: int) -> Path:
        return self.who.folder / "state" / f"{epoch}.json"

    async def listen(self, epoch: int) -> None:
        """Audit, write down, commit."""
        if not self._file(epoch).exists():
            mine = await self.who.on_ledger(self.who.book.audits.assignments, epoch, self.who.id)
            await self.who.on_ledger(self._follow)
            speakers = set(self.who.speakers())
            evidence = Evidence(self.who, epoch, await self.who.on_ledger(self._models, epoch)) if self.signed else None
            speakers &= speakers if evidence is None else evidence.models.keys()
            results = await self._audit(epoch, [k for k in mine if k in speakers], evidence)
            terms = await self.who.on_ledger(self.who.book.audit_terms.current)
            seats = (await self.who.on_ledger(self.who.book.rules.current)).audit_seats
            results = await self._unless_all_look_bad(epoch, results)
            results = self._fitting(epoch, _enough(results, terms.fewest), seats)
            if evidence is not None:
                evidence.save(self.who.folder)
                await self._report(evidence)
            found = {"salt": secrets.token_hex(32), "results": [_to_json(r) for r in results]}
            files.replace(self._file(epoch), json.dumps(found))
        await self.who.asks_no_more(epoch)  # also whoever was drawn for nobody
        if await self.who.missed(epoch):
            return
        results, salt = self._found(epoch)
        if await self.who.attempt("commit", self.who.book.audits.commit, self.who.id, results, salt) is None:
            await self.who.arrive()

    async def reveal(self, epoch: int) -> None:
        if not self._file(epoch).exists():
            await self.who.arrive()
            return
        results, salt = self._found(epoch)
        if await self.who.attempt("reveal", self.who.book.audits.reveal, self.who.id, results, salt) is None:
            await self.who.arrive()

    def _found(self, epoch: int) -> tuple[list[ledger.Result], bytes]:
        found = json.loads(self._file(epoch).read_text())
        return [_from_json(r) for r in found["results"]], bytes.fromhex(found["salt"])

    def _fitting(self, epoch: int, results: list[ledger.Result], seats: int) -> list[ledger.Result]:
        """No more than can be revealed, drawn by lot: who commits to more cannot reveal it, and pays for that."""
        order = np.random.default_rng([self.who.settings.seed, epoch, self.who.id, 1]).permutation(len(results))
        kept = fitting([results[int(at)] for at in order], seats)
        if len(kept) < len(results):
            log(f"epoch {epoch}: {len(results) - len(kept)} of {len(results)} audits are more than can be revealed")
        return sorted(kept, key=lambda result: result.neuron)

    async def _unless_all_look_bad(self, epoch: int, results: list[ledger.Result]) -> list[ledger.Result]:
        """Without those who miss a mark, where most do at once."""
        marks = (await self.who.on_ledger(self.who.book.marks.current)).least
        passed = {k for k, one in self.who.others.items() if one.passed}
        terms = None
        if "Seats" in self.who.book.deployment.addresses:
            terms = await self.who.on_ledger(self.who.book.seats.current)
        told = Breaker(self.who.folder, terms).through(epoch, results, passed, marks, self._worse)
        if len(told) < len(results):
            trouble(f"epoch {epoch}: most neurons look bad at once, so something of the network is: nobody is judged")
        return told

    def _follow(self) -> None:
        """Read what neurons claim to know."""
        if self.declared is None:
            self.declared = Declared(self.who.book.deployment.block)
        again = 0 if self.who.book.rpc.chain is not None else 20
        self.declared.follow(self.who.book.registry, self.who.book.rpc.height(), again)

    def _models(self, epoch: int) -> dict[int, bytes]:
        """The models that neurons committed to before ``epoch``: those that answer in it."""
        height = self.who.book.rpc.height()
        for event in self.who.book.registry.committed(self._read, height):
            self._committed[event.id][event.epoch] = event.commitment
        again = 0 if self.who.book.rpc.chain is not None else 20
        self._read = height + 1 - again
        found = {}
        for k, models in self._committed.items():
            before = max((e for e in models if e < epoch), default=None)
            if before is not None:
                found[k] = models[before]
                self._committed[k] = {e: model for e, model in models.items() if e >= before}
        return found

    async def _report(self, evidence: Evidence) -> None:
        """Show where neurons contradicted themselves."""
        for k, (then, now) in evidence.contradictions.items():
            log(f"epoch {evidence.epoch}: {k} gave two contrary answers to one question")
            await self.who.attempt("showing it", self.who.book.client(Challenges).contradict, then, now)

    async def _audit(self, epoch: int, neurons: list[int], evidence: Evidence | None = None) -> list[ledger.Result]:
        """Put every task's questions to every one of ``neurons``; one that does not answer all of them is left out."""
        self._worse.clear()
        rng = np.random.default_rng([self.who.settings.seed, epoch, self.who.id])
        if evidence is None:
            seeds = {e: b"%d %d %d" % (self.who.settings.seed, e, self.who.id) for e in self.unasked.epochs(epoch)}
        else:
            seeds = {e: await self.who.on_ledger(self.who.book.clock.seed, e) for e in self.unasked.epochs(epoch)}
            rng = noise(seeds[epoch])
        about = self.samples[self.unasked.drawn(epoch, seeds)]
        inputs, targets = self.data["inputs"][about], self.data["targets"][about]
        conversations = Conversations(self.who, epoch)
        if evidence is not None:
            conversations.heard = evidence.heard
        asked = self._questions(inputs, rng)
        came = await asyncio.gather(*(conversations.ask(neurons, questions) for questions in asked.values()))
        answers = dict(zip(asked, came, strict=True))
        scores: dict[int, dict[str, ledger.Counts]] = {
            k: {} for k in neurons if all(k in answered for answered in answers.values())
        }
        for name, questions in asked.items():
            for k in scores:
                domain = Domain() if self.declared is None else self.declared.domain(k, epoch)
                now = answers[name][k].copy()
                score = partial(score_within, self.tasks[name], domain, questions.copy(), now, targets.copy())
                self._score(k, name, score, scores[k], questions, answers[name][k], targets, evidence)
        if evidence is not None:
            again = [evidence.ask_again(conversations, k, questions) for questions in asked.values() for k in scores]
            await asyncio.gather(*again)
        results = [ledger.Result(k, found) for k, found in sorted(scores.items()) if found]
        for result in results:
            log(f"epoch {epoch}: of {result.neuron} " + ", ".join(f"{t} {c.score}" for t, c in result.counts.items()))
        return self.who.conduct.report(results)

    def _questions(self, inputs: NDArray[Any], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Every task's questions, without the tasks that fail."""
        asked = {}
        for name, task in self.tasks.items():
            try:
                with guarded(f"the audit task {name!r}"):
                    questions = task.questions(inputs.copy(), copy.deepcopy(rng))  # whatever other tasks draw or change
                    self.who.task.check_inputs(questions)
                    if len(questions) != len(inputs):
                        raise AuditError(f"{len(questions)} questions of {len(inputs)} samples: make one of each")
            except ExtensionError as error:
                _failed(name, error)
            else:
                asked[name] = questions
        return asked

    def _score(
        self, k: int, name: str, score: Callable[[], Score], found: dict[str, ledger.Counts],
        questions: NDArray[Any], answers: NDArray[Any], targets: NDArray[Any], evidence: Evidence | None,
    ) -> None:  # fmt: skip
        """Add what is counted in a task to what has been ``found`` about a neuron."""
        try:
            with guarded(f"the audit task {name!r}"):
                scored = score()
                each = scored.in_ten_thousandths(len(targets))
        except ExtensionError as error:
            _failed(name, error)
            return
        if scored.high < scored.control:
            self._worse.add(k)
        said = evidence.roots(k, questions, answers) if evidence else None
        made = transcript(questions, answers, targets, each, said)
        found[name] = made.counts
        if evidence is not None:
            evidence.count(k, name, made)


def _enough(results: list[ledger.Result], fewest: int) -> list[ledger.Result]:
    """Without what has fewer different questions than the terms ask: one such task, and nothing could be revealed."""
    enough = []
    for r in results:
        kept = {name: c for name, c in r.counts.items() if c.asked >= fewest}
        for name in r.counts.keys() - kept.keys():
            trouble(f"{name}: {r.counts[name].asked} different questions to {r.neuron}, {fewest} are needed: left out")
        if kept:
            enough.append(ledger.Result(r.neuron, kept))
    return enough


def _failed(name: str, error: ExtensionError) -> None:
    trouble(f"the audit task {name!r} failed and is passed over: {said(error.__cause__ or error)}")


def _to_json(result: ledger.Result) -> dict[str, Any]:
    counts = {t: [c.asked, c.sum, c.squares, c.root.hex()] for t, c in result.counts.items()}
    return {"neuron": result.neuron, "counts": counts}


def _from_json(found: dict[str, Any]) -> ledger.Result:
    counts = {t: ledger.Counts(n, s, q, bytes.fromhex(root)) for t, (n, s, q, root) in found["counts"].items()}
    return ledger.Result(found["neuron"], counts)
