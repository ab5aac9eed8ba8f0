"""``klopf proof records``: a set of records is declared, and a record shown to be in it or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from klopf import files
from klopf.console.cli.command import Json, print_json
from klopf.errors import NotProven, ProofError

if TYPE_CHECKING:
    from klopf.proof.records import Declared

__all__ = ["commit", "prove", "verify"]


def commit(records: Path, *, json_: Json = False) -> None:
    """Print the root that declares a set of records, and how many they are.

    Example: klopf proof records commit training.csv

    Parameters
    ----------
    records
        A file with a record in each line; which came twice counts once, and order says nothing.
    """
    declared = _declared(records)
    print_json({"root": declared.root.hex(), "records": declared.count}) if json_ else print(
        f"{declared.root.hex()} {declared.count:,} records"
    )


def prove(records: Path, record: str, to: Path) -> None:
    """Write a proof that a record is in a declared set or, if it is not, that it is not.

    Example: klopf proof records prove training.csv "anna,7" anna.proof

    Parameters
    ----------
    records
        The set's file.
    record
        The record, as its line is.
    to
        The proof's file.
    """
    proof = _declared(records).prove(record.encode())
    try:
        files.replace(to, proof)
    except OSError as error:
        raise ProofError(f"cannot write {to}: {error.strerror}") from None
    print(f"{to}: {len(proof):,} bytes")


def verify(root: str, record: str, proof: Path, *, json_: Json = False) -> int:
    """Say whether a record is in the set that was declared. Ends with 1 where the proof shows neither.

    Example: klopf proof records verify 5f1c8e "anna,7" anna.proof

    Parameters
    ----------
    root
        What declared the set.
    record
        The record.
    proof
        The proof's file.
    """
    from klopf.proof import records as room

    try:
        said = proof.read_bytes() if proof.stat().st_size < 100_000 else b""
        declared = bytes.fromhex(root)
    except OSError as error:
        raise ProofError(f"cannot read {proof}: {error.strerror}") from None
    except ValueError:
        raise ProofError("a root is 64 digits from 0 to f: klopf proof records commit prints it") from None
    inside, why = None, ""
    try:
        inside = room.check(declared, record.encode(), said)
    except NotProven as error:
        why = str(error)
    print_json({"inside": inside, "why": why}) if json_ else print(
        f"not proven: {why}" if why else f"proven: it is {'' if inside else 'not '}in the set"
    )
    return int(bool(why))


def _declared(records: Path) -> Declared:
    from klopf.proof.records import Declared

    try:
        with records.open("rb") as file:
            return Declared(line.rstrip(b"\r\n") for line in file)
    except OSError as error:
        raise ProofError(f"cannot read {records}: {error.strerror}") from None
