"""What a server says, signed, of what a member's round was worth; and a device that works on only where it is said.

A device that keeps these holds the server's own word for what it is to be paid, round by round, and for the commitment
to the records that say whether it is true."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from klopf import files, wire
from klopf.errors import FleetError, LedgerError
from klopf.fleet._device import Instructions
from klopf.ledger.keys import recover

__all__ = ["MOST", "Statement", "Told"]

MOST = 20_000
"""Statements that a device keeps: at most some 50 MB. A server could send without end."""


@dataclass(frozen=True)
class Statement:
    """Of one member after one round of a job.

    escrow: the ledger's job that holds the pay, or 0. value: what its update was worth in the round; of a node, all its
    devices'. share: of the pay, 0 to 1, as all rounds so far have it. model: digest of the parameters after the round.
    validation: the commitment to the records on which values are measured.
    """

    job: str
    escrow: int
    round: int
    name: str
    value: float
    share: float
    model: str
    validation: str

    def digest(self) -> bytes:
        """What a server signs of it: 32 bytes."""
        return hashlib.sha256(b"klopf round's worth " + json.dumps(asdict(self), sort_keys=True).encode()).digest()

    def signed(self, sign: Callable[[bytes], bytes]) -> dict[str, Any]:
        """For JSON, with the signature of a server's key."""
        return {**asdict(self), "signature": sign(self.digest()).hex()}

    @classmethod
    def read(cls, plain: Any, signer: str) -> Self:
        """What :meth:`signed` gave.

        Raises:
            FleetError: it is none, or ``signer`` (an address) did not sign it.
        """
        try:
            said = dict(plain)
            signature = bytes.fromhex(said.pop("signature"))
            found = cls(**said)
            for name, kind in cls.__annotations__.items():
                if type(getattr(found, name)).__name__ != kind:
                    raise ValueError(name)
            if not (math.isfinite(found.value) and 0 <= found.share <= 1):
                raise ValueError("value or share")
            if recover(found.digest(), signature).lower() != signer.lower():
                raise ValueError("its signature is not the server's")
        except (KeyError, TypeError, ValueError, AttributeError, LedgerError) as error:
            raise FleetError(f"this is no server's word for a round ({str(error)[:80]})") from None
        return found


class Told:
    """Says why instructions are declined, "" where they are not: give it as ``allowed`` to :meth:`Post.open`.

    Whoever asks for a round after the first must say, signed, what this device's round before was worth; each such
    statement is a line in ``path``, once, before the next training begins. Where that has 20,000 lines it declines: its
    owner moves the file away, once what it says is paid.

    Args:
        name: the device's own. then: what else is asked before it trains, such as a :class:`PaidOnly`.
    """

    def __init__(
        self, path: Path, name: str, then: Callable[[wire.Peer, Instructions], str] = lambda peer, wanted: ""
    ) -> None:
        self._path, self._name, self._then = path, name, then
        lines = files.json_lines(path) if path.exists() else []
        self._kept = {_short(json.dumps(line, sort_keys=True)) for line in lines}

    def __call__(self, peer: wire.Peer, wanted: Instructions) -> str:
        if why := self._then(peer, wanted):
            return why
        if wanted.round == 1:
            return ""
        try:
            said = Statement.read(wanted.said, peer.key)
        except FleetError as error:
            return f"round {wanted.round - 1} is not accounted for: {error}"
        about = said.job, said.escrow, said.round, said.name
        if about != (wanted.job, wanted.escrow, wanted.round - 1, self._name):
            return f"round {wanted.round - 1} is not accounted for: what is said is of round {said.round}, {said.name}"
        line = json.dumps(dict(wanted.said), sort_keys=True)
        if _short(line) not in self._kept:
            if len(self._kept) >= MOST:
                full = f"this device keeps {MOST:,} statements at most, and has as many"
                return f"{full}: its owner must move {self._path.name}"
            files.append_line(self._path, line)
            self._kept.add(_short(line))
        return ""


def _short(line: str) -> bytes:
    """What tells a statement from others: 16 bytes."""
    return hashlib.sha256(line.encode()).digest()[:16]


def statement_of(
    wanted: Instructions, name: str, done: Mapping[str, Any], shares: Mapping[str, float], model: str, validation: str
) -> Statement:
    """Of ``name`` in the round ``done`` (number and values), given everybody's shares by member so far."""
    values = [value for one, value in done["values"].items() if one == name or one.startswith(f"{name}/")]
    share = min(1.0, max(0.0, float(shares.get(name, 0.0))))
    return Statement(wanted.job, wanted.escrow, int(done["number"]), name, float(sum(values)), share, model, validation)
