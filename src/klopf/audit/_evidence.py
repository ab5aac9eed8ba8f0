"""An auditor's evidence: what neurons signed for it, and its openings on disk until nobody may doubt them any more."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files, ledger
from klopf.audit._exchange import keep
from klopf.audit._told import Told
from klopf.errors import KlopfError
from klopf.ledger.evidence import Challenges, Opening, Place, Said, Statement, contrary
from klopf.peers import Conversations, Participant, log, pairs_of, values_of

__all__ = ["Evidence", "forget", "opening"]

ASKED_AGAIN = 8
"""Questions of an audit that are asked twice: who answers otherwise then is shown to contradict himself."""


@dataclass
class _Heard:
    """What one neuron signed in an epoch."""

    said: list[tuple[Said, bytes]]
    """With the signatures."""
    roots: dict[tuple[bytes, bytes], bytes]
    """Under which root a pair of question and answer is."""
    values: list[NDArray[np.float64]]
    """The numbers of these answers in millionths; nothing of texts."""
    first: dict[bytes, Statement]
    """By question, what was answered first, where answers are numbers."""


class Evidence:
    """What is signed in one epoch. An answer that its neuron does not sign, with the model that it committed to, is no
    answer: it could not be shown."""

    def __init__(self, who: Participant, epoch: int, models: dict[int, bytes]) -> None:
        self.who = who
        self.epoch = epoch
        self.models = models
        """By neuron, what it committed to. Who has committed to none yet is not audited: it could sign for each auditor
        with another model, and answers of two models are not contrary."""
        self._domain = who.book.client(Challenges).domain
        self._heard: dict[int, _Heard] = defaultdict(lambda: _Heard([], {}, [], {}))
        self._transcripts: dict[int, dict[str, ledger.Transcript]] = defaultdict(dict)
        self.contradictions: dict[int, tuple[Statement, Statement]] = {}
        """By neuron, the first that was found."""

    def heard(self, k: int, questions: NDArray[Any], answers: NDArray[Any], payload: Any) -> bool:
        """Keep what neuron ``k`` signed; False, with a line in the log, where it did not."""
        try:
            model, signature = bytes.fromhex(payload["model"]), bytes.fromhex(payload["signature"])
            said = Said(self.epoch, k, self.who.id, model, pairs_of(questions, answers))
            signer = ledger.keys.recover(said.digest(self._domain), signature)
        except (KeyError, TypeError, ValueError, KlopfError):
            log(f"{k} has not signed its answers")
            return False
        if signer != self.who.others[k].key or self.models.get(k) != model:
            log(f"{k} has not signed its answers with the model that it committed to")
            return False
        heard = self._heard[k]
        heard.said.append((said, signature))
        if answers.dtype.kind != "U":
            heard.values.append(np.rint(np.asarray(answers, np.float64).reshape(len(answers), -1) * 1e6))
        for place, (pair, answer) in enumerate(zip(said.pairs, answers, strict=True)):
            heard.roots.setdefault(pair, said.root)
            values = values_of(answer)
            if values is None:
                continue
            now = Statement(said, signature, place, values)
            then = heard.first.setdefault(pair[0], now)
            if contrary(then.values, values):
                self.contradictions.setdefault(k, (then, now))
        return True

    def roots(self, k: int, questions: NDArray[Any], answers: NDArray[Any]) -> list[bytes]:
        """Under which root each of these answers was signed."""
        return [self._heard[k].roots[pair] for pair in pairs_of(questions, answers)]

    def count(self, k: int, task: str, made: ledger.Transcript) -> None:
        """Keep the transcript of a task."""
        self._transcripts[k][task] = made

    async def ask_again(self, conversations: Conversations, k: int, questions: NDArray[Any]) -> None:
        """Put a few of ``questions``, drawn by lot, to a neuron a second time: :meth:`heard` compares."""
        count = min(ASKED_AGAIN, len(questions))
        again = np.sort(np.random.default_rng(secrets.randbits(128)).choice(len(questions), count, replace=False))
        await conversations.ask([k], questions[again])

    def save(self, folder: Path) -> None:
        """Write every opening to the disk, and what was signed: before the auditor commits, or it could not show what
        it claims."""
        told = {k: Told.of(one.said, one.values) for k, one in self._heard.items() if one.values}
        keep(folder, self.epoch, {k: one for k, one in told.items() if one is not None})
        neurons = {}
        for k, tasks in self._transcripts.items():
            used = {one.said for made in tasks.values() for one in made.answered}
            neurons[str(k)] = {
                "said": [
                    _said_to_json(said, signature) for said, signature in self._heard[k].said if said.root in used
                ],
                "tasks": {name: [_plain(one.as_tuple()) for one in made.answered] for name, made in tasks.items()},
            }
        _file(folder, self.epoch).parent.mkdir(exist_ok=True)
        files.replace(_file(folder, self.epoch), json.dumps(neurons))


def opening(folder: Path, place: Place) -> Opening | None:
    """A question as it is shown; None where it is not on the disk."""
    try:
        neuron = json.loads(_file(folder, place.epoch).read_text())[str(place.neuron)]
        rows = neuron["tasks"][place.task]
        made = ledger.Transcript([ledger.Answered(*_bytes(row)) for row in rows])
        one = made.answered[place.place]
        for record in neuron["said"]:
            pairs = tuple((bytes.fromhex(q), bytes.fromhex(a)) for q, a in record["pairs"])
            said = Said(place.epoch, place.neuron, place.auditor, bytes.fromhex(record["model"]), pairs)
            if said.root == one.said:
                proof = said.proof(pairs.index((one.question, one.answer)))
                signature = bytes.fromhex(record["signature"])
                return Opening(one, tuple(made.proof(place.place)), said.model, proof, signature)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return None


def forget(folder: Path, before: int) -> None:
    """Delete the openings of epochs before ``before``."""
    for file in (folder / "openings").glob("*.json"):
        if file.stem.isdigit() and int(file.stem) < before:
            file.unlink(missing_ok=True)


def _file(folder: Path, epoch: int) -> Path:
    return folder / "openings" / f"{epoch}.json"


def _said_to_json(said: Said, signature: bytes) -> dict[str, Any]:
    pairs = [[question.hex(), answer.hex()] for question, answer in said.pairs]
    return {"model": said.model.hex(), "signature": signature.hex(), "pairs": pairs}


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [value.hex() if isinstance(value, bytes) else value for value in row]


def _bytes(row: list[Any]) -> list[Any]:
    return [bytes.fromhex(value) if isinstance(value, str) else value for value in row]
