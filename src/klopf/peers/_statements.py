"""What a neuron signs for auditors, and how both ends hash it: its answers, bound to question, model and epoch.

A signature can be held against its neuron: two contrary answers to one question cost stake. So a neuron signs with one
model an epoch, only for the epoch that runs, and says again what it has said; all of it is on disk before anybody sees
it, and a crash makes nobody contradict himself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from eth_hash.auto import keccak
from numpy.typing import NDArray

from klopf import files, ledger, wire
from klopf.ledger.evidence import Challenges, Said, answer_hash
from klopf.peers._participant import Participant

__all__ = ["Statements", "different", "has_evidence", "pairs_of", "values_of"]

_FILE = "statements.jsonl"


def has_evidence(who: Participant) -> bool:
    """Whether answers to auditors are signed in this network: whether it has the pack ``evidence``."""
    return Challenges.name in who.book.deployment.addresses


def values_of(answer: Any) -> tuple[int, ...] | None:
    """An answer's numbers in millionths; None for a text."""
    if isinstance(answer, str):
        return None
    return tuple(int(value) for value in np.rint(np.asarray(answer, np.float64).ravel() * 1e6))


def pairs_of(questions: NDArray[Any], answers: NDArray[Any]) -> tuple[tuple[bytes, bytes], ...]:
    """The hashes of each question and of the answer to it: of a text's bytes, of a question's numbers little endian, of
    an answer's numbers as the contract has them."""
    return tuple((_hash(q), _answer_hash(a)) for q, a in zip(questions, answers, strict=True))


def different(questions: NDArray[Any]) -> NDArray[np.int64]:
    """The places of those questions that are no earlier one's equal, in their order."""
    first: dict[bytes, int] = {}
    for place, question in enumerate(questions):
        first.setdefault(_hash(question), place)
    return np.fromiter(first.values(), np.int64, len(first))


def _answer_hash(answer: Any) -> bytes:
    values = values_of(answer)
    return _hash(answer) if values is None else answer_hash(values)


def _hash(one: Any) -> bytes:
    return bytes(keccak(str(one).encode() if isinstance(one, str) else np.ascontiguousarray(one).tobytes()))


class Statements:
    """What a neuron has signed in the last two epochs."""

    def __init__(self, who: Participant) -> None:
        self.who = who
        self.on = has_evidence(who)
        self._file = who.folder / _FILE
        self._models: dict[int, bytes] = {}
        self._answers: dict[int, dict[bytes, Any]] = {}
        """By epoch, and in it by the question's hash."""
        text = self._file.read_text() if self._file.exists() else ""
        for line in text.splitlines():
            try:
                record = json.loads(line)
                model = bytes.fromhex(record["model"])
            except (ValueError, KeyError, TypeError):
                continue  # a line that a crash cut off was never sent
            self._take(record["epoch"], model, record["said"])
        if text and not text.endswith("\n"):
            self._write()  # or the next line would be a part of the one that was cut off

    def _take(self, epoch: int, model: bytes, said: Mapping[str, Any]) -> None:
        self._models[epoch] = model
        self._answers.setdefault(epoch, {}).update({bytes.fromhex(q): answer for q, answer in said.items()})

    def asked_by(self, peer: wire.Peer) -> bool:
        """Whether an answer to ``peer`` is signed."""
        asks = self.who.others.get(peer.id)
        return self.on and asks is not None and asks.role is ledger.Role.AUDITOR

    def sign(
        self, epoch: int, auditor: int, model: bytes, questions: NDArray[Any], answers: NDArray[Any]
    ) -> tuple[NDArray[Any], dict[str, str]]:
        """The answers that are given to ``auditor``, and what goes with them: the model and the signature.

        Raises:
            wire.Decline: something was signed with another model in this epoch.
        """
        if self._models.get(epoch, model) != model:
            raise wire.Decline("another model answered in this epoch")
        said = np.array(answers)
        before = self._answers.get(epoch, {})
        new: dict[str, Any] = {}
        for i, (question, _) in enumerate(pairs_of(questions, answers)):
            then = None
            if question in before:
                then = np.asarray(before[question], None if said.dtype.kind == "U" else said.dtype)
                if said.dtype.kind == "U" and then.dtype.itemsize > said.dtype.itemsize:
                    said = said.astype(then.dtype)
            said[i] = self.who.conduct.signed(auditor, then, said[i])
            if then is None:
                new[question.hex()] = said[i].tolist()
        if new:
            files.append_line(self._file, json.dumps({"epoch": epoch, "model": model.hex(), "said": new}))
            self._take(epoch, model, new)
        what = Said(epoch, self.who.id, auditor, model, pairs_of(questions, said))
        signature = self.who.key.sign(what.digest(self.who.book.client(Challenges).domain))
        return said, {"model": model.hex(), "signature": signature.hex()}

    def keep_since(self, epoch: int) -> None:
        """Forget what was said before ``epoch``: nothing of it can be held against anybody any more."""
        if not self.on or all(e >= epoch for e in self._answers):
            return
        self._models = {e: model for e, model in self._models.items() if e >= epoch}
        self._answers = {e: said for e, said in self._answers.items() if e >= epoch}
        self._write()

    def _write(self) -> None:
        lines = [
            json.dumps({"epoch": e, "model": self._models[e].hex(), "said": {q.hex(): a for q, a in said.items()}})
            for e, said in self._answers.items()
        ]
        files.replace(self._file, "".join(line + "\n" for line in lines))
