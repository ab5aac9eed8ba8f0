"""Other proofs of a network's answer than Klopf's own, behind one interface: a file each, and a word in the table.

What one needs is installed by who wants it, and nothing of Klopf's needs it. There is ezkl, whose proofs are pairings':
few bytes, which a contract verifies, for a reference string that somebody has to be trusted for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from klopf.errors import ProofError

__all__ = ["BACKENDS", "Backend", "Proven", "backend"]


@dataclass(frozen=True)
class Proven:
    """What a proof shows: ``inputs`` and ``outputs``, as the backend's whole numbers say them."""

    inputs: tuple[float, ...]
    outputs: tuple[float, ...]


class Backend(ABC):
    """Proves that an answer came from a committed network. All that fails is a :class:`~klopf.errors.ProofError` of one
    line, and a proof that shows nothing a :class:`~klopf.errors.NotProven`, whatever its bytes are."""

    @abstractmethod
    def setup(self, network: bytes, inputs: int, folder: Path) -> str:
        """Commit a network (an ONNX file's content, with that many inputs) into a folder that is not there yet:
        ``FOLDER/public`` is what is published. Returns its identity."""

    @abstractmethod
    def prove(self, folder: Path, inputs: Sequence[float], to: Path) -> Proven:
        """Answer by the network in ``folder``, and write answer and proof."""

    @abstractmethod
    def verify(self, public: Path, answer: Path) -> Proven:
        """What ``answer`` proves of the network that ``public`` is of."""

    @abstractmethod
    def identity(self, public: Path) -> str:
        """32 bytes that name the network, as text."""


BACKENDS = {"ezkl": "klopf.proof.backends.ezkl:Ezkl"}
"""Each backend by its name."""


def backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        ProofError: there is none, or what it needs is not installed.
    """
    if name not in BACKENDS:
        raise ProofError(f"there is no backend {name!r:.40}: one of klopf, {', '.join(BACKENDS)}")
    module, _, kind = BACKENDS[name].partition(":")
    made: Backend = getattr(import_module(module), kind)()
    return made
