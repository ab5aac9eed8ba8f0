"""How many proofs a commitment has had: in a folder, which several processes may use at once."""

from __future__ import annotations

import os
from pathlib import Path

from klopf import files
from klopf.errors import ProofError

__all__ = ["few", "one_more"]


def few(used: int, proofs: int, what: str, instead: str) -> None:
    """Go on where one more proof of ``what`` ("this network") tells nothing.

    Raises:
        ProofError: it had as many as it may; ``instead`` says what to do.
    """
    if used >= proofs:
        raise ProofError(f"{what} has had {used} proofs, after which more would tell of it: {instead}")


def one_more(folder: Path, proofs: int, what: str, instead: str) -> None:
    """Count one more proof, before it is made, in ``folder/proofs``.

    Raises:
        ProofError: it had as many as it may, or the folder cannot be written or is used at this moment.
    """
    lock, count = folder / "lock", folder / "proofs"
    try:
        held = files.lock(lock)
    except OSError as error:
        raise ProofError(f"cannot prove with {lock}: {error.strerror}, or another proof is being made") from None
    try:
        used = int(count.read_text()) if count.exists() else 0
        few(used, proofs, what, instead)
        files.replace(count, f"{used + 1}\n")
    except (OSError, ValueError) as error:
        raise ProofError(f"cannot count the proofs in {count}: {error}") from None
    finally:
        os.close(held)
