"""Whose record a committed input is: signed by who has seen both.

An input that is not shown (:class:`klopf.proof.model.Hidden`) is 32 bytes, of which a proof does not say that they are
those of a record elsewhere: of a content identifier of the store, say, whose hash no equations here can follow. So who
may see the record (who wrote it, a bank, a notary, or its owner alone) makes the commitment again from numbers and
seed, compares, and signs that this root is of that record. It lies beside the record, and whoever verifies an answer
needs it, the signer's address, and neither record nor input. It is as good as its signer: but who signed what is not so
is caught by whoever is ever shown record and seed (:func:`caught`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from klopf.errors import KlopfError, NotProven, ProofError
from klopf.ledger import keys
from klopf.nested import from_json
from klopf.proof.model import Card, Hidden

__all__ = ["Attested", "attest", "caught", "check"]

_KIND = "klopf attested input 1"


@dataclass(frozen=True)
class Attested:
    """``record``: its content identifier, as text; ``row``: which of it, from 0; ``root``: of the committed input, 32
    bytes; ``by``: the signer's address; ``signature``: 65 bytes."""

    record: str
    row: int
    root: bytes
    by: str
    signature: bytes

    @property
    def digest(self) -> bytes:
        """What is signed."""
        said = json.dumps([_KIND, self.record, self.row, self.root.hex()], separators=(",", ":"))
        return hashlib.sha256(said.encode()).digest()

    def to_json(self) -> str:
        """As it is kept beside the record."""
        return json.dumps({"kind": _KIND, "record": self.record, "row": self.row, "root": self.root.hex(),
                           "by": self.by, "signature": self.signature.hex()}, indent=1)  # fmt: skip

    @classmethod
    def parse(cls, data: bytes) -> Attested:
        """What is said in ``data``; whether it is signed is another question.

        Raises:
            NotProven: nothing is.
        """
        try:
            said = from_json(data[:100_000])
            if said.pop("kind") != _KIND or set(said) != {"record", "row", "root", "by", "signature"}:
                raise ValueError
            root, signature = bytes.fromhex(said["root"]), bytes.fromhex(said["signature"])
            if not isinstance(said["row"], int) or isinstance(said["row"], bool) or len(root) != 32:
                raise ValueError
            return cls(str(said["record"]), said["row"], root, str(said["by"]), signature)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NotProven("this says of no input whose record it is") from None


def attest(key: keys.Key, card: Card, record: str, row: int, inputs: Any, seed: bytes, root: bytes) -> Attested:
    """Sign that the committed input ``root`` is row ``row`` of ``record``, after it was made again.

    Args:
        card: of a network that is to answer it.
        record: the record's content identifier, whose content the signer has read itself.
        inputs: what the record says, in the numbers that a network hears; the signer makes them from the record.
        seed: 32 bytes with which the owner committed it.

    Raises:
        ProofError: these numbers and this seed do not make ``root``: nothing is signed.
    """
    if Hidden(card, inputs, seed).root != root:
        raise ProofError("the committed input is not that of this record: nothing is signed")
    draft = Attested(record, row, root, key.address, b"")
    return Attested(record, row, root, key.address, key.sign(draft.digest))


def check(said: Attested, by: str, record: str = "") -> bytes:
    """The root of the committed input, for :func:`klopf.proof.model.verify`, where ``by`` signed whose it is.

    Args:
        by: the address of who is believed.
        record: where it matters which record it is, its content identifier.

    Raises:
        NotProven: another signed it, or of another record.
    """
    try:
        signer = keys.recover(said.digest, said.signature)
    except (KlopfError, ValueError):
        signer = ""
    if signer.lower() != by.lower() or said.by.lower() != by.lower():
        raise NotProven(f"this was not signed by {by}")
    if record and record != said.record:
        raise NotProven(f"this is of {said.record}, not of {record}")
    return said.root


def caught(said: Attested, card: Card, inputs: Any, seed: bytes) -> bool:
    """Whether who signed said what is not so, for who is shown the record's numbers and the seed. A seed that makes
    another root shows nothing of the record, but that it was signed without it, or that the owner keeps the right
    one back."""
    return Hidden(card, inputs, seed).root != said.root
