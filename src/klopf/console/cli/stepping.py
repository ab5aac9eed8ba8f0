"""``klopf proof step``: commit a batch, take a step of training with it, prove that, and verify it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf import files
from klopf.console.cli.command import Json, print_json
from klopf.errors import NotProven, ProofError

if TYPE_CHECKING:
    from klopf.proof.step import Layer

__all__ = ["commit", "prove", "verify"]

_LARGEST = 200_000_000
Proofs = Annotated[int, Parameter(validator=Number(gte=1, lte=64))]
Rate = Annotated[float, Parameter(validator=Number(gt=0, lte=64))]


def commit(
    samples: Path, folder: Path, *, units: Literal["linear", "sigmoid"] = "sigmoid", proofs: Proofs = 4,
    json_: Json = False,
) -> None:  # fmt: skip
    """Commit a batch: FOLDER/card.json is published, FOLDER/secret.npz is not.

    Example: klopf proof step commit batch.npz BATCH

    Parameters
    ----------
    samples
        An .npz file with `inputs` and `targets`, a row for each sample, from -8 to below 8.
    folder
        A folder that is not there yet.
    units
        Of the layer that will be trained: numbers, or 0 and 1.
    proofs
        How many steps tell nothing of the samples but what their ends tell; after them the batch is committed anew.
    """
    from klopf.proof.step import Batch

    held = _arrays(samples, "inputs", "targets")
    batch = Batch.of(held["inputs"], held["targets"], units, proofs)
    batch.save(folder)
    card = batch.card
    said = {"identity": card.identity, "samples": card.samples, "inputs": card.inputs, "outputs": card.outputs,
            "bytes of a proof, about": card.shape.size, "proofs": proofs}  # fmt: skip
    print_json(said) if json_ else print(
        f"{folder}/card.json: {card.samples:,} samples, {card.inputs}-{card.outputs}, as {card.identity}\n"
        f"{proofs} proofs, of about {card.shape.size:,} bytes each"
    )


def prove(folder: Path, start: Path, to: Path, *, rate: Rate, about: str = "", json_: Json = False) -> None:
    """Take a step of gradient descent by a committed batch, and prove it.

    Example: klopf proof step prove BATCH start.npz step.proof --rate 0.5 --about "anna, round 3"

    Parameters
    ----------
    folder
        What `klopf proof step commit` wrote.
    start
        An .npz file with `weights` (units, inputs) and `biases`.
    to
        The step's file: where it ends, and the proof.
    rate
        What the mean gradient over the samples is multiplied with.
    about
        What the proof is for; it holds for nothing else.
    """
    from klopf.proof.step import Batch

    batch, layer = Batch.load(folder), _layer(start)
    if not to.parent.is_dir() or to.is_dir():
        raise ProofError(f"cannot write {to}: name a file in a folder that is there")
    step = batch.prove(layer, rate, about.encode())
    _write(to, step.to_bytes())
    moved = float(abs(step.end.floats[0] - layer.floats[0]).max())
    said = {"rate": batch.card.rate(rate), "largest change": moved, "bytes": len(step.proof),
            "identity": batch.card.identity}  # fmt: skip
    print_json(said) if json_ else print(
        f"{to}: weights moved by {moved:.4g} at most, proven in {said['bytes']:,} bytes"
    )


def verify(
    card: Path, start: Path, step: Path, *, rate: Rate, about: str = "", identity: str = "", end: Path | None = None,
    json_: Json = False,
) -> int:  # fmt: skip
    """Check that a step came from a committed batch. Ends with 1 where that is not shown.

    Example: klopf proof step verify BATCH/card.json start.npz step.proof --rate 0.5 --about "anna, round 3"

    Parameters
    ----------
    card
        The batch's card.
    start
        Where it had to begin: an .npz file with `weights` and `biases`.
    step
        What `klopf proof step prove` wrote.
    rate
        At which rate.
    about
        What the proof had to be for.
    identity
        What the card must be called: the name under which the batch was declared.
    end
        Where to write the new `weights` and `biases`, if it is proven.
    """
    import numpy as np

    from klopf.proof import step as room

    read, layer = room.Card.parse(_content(card)), _layer(start)
    why = ""
    try:
        if identity and read.identity != identity:
            raise NotProven(f"the card is that of {read.identity}, not of {identity}")
        said = room.Step.parse(_content(step))
        room.verify(read, layer, rate, said, about.encode())
    except NotProven as error:
        why = str(error)
    if not why and end:
        weights, biases = said.end.floats
        held = io.BytesIO()
        np.savez(held, weights=weights, biases=biases)
        _write(end, held.getvalue())
    if json_:
        print_json({"proven": not why, "why": why, "rate": None if why else read.rate(rate), "identity": read.identity})
    else:
        print(f"not proven: {why}" if why else f"proven to be a step of {read.identity}, at rate {read.rate(rate):.6g}")
    return int(bool(why))


def _layer(file: Path) -> Layer:
    from klopf.proof.step import Layer

    held = _arrays(file, "weights", "biases")
    return Layer.of(held["weights"], held["biases"])


def _arrays(file: Path, *names: str) -> dict[str, Any]:
    try:
        held = files.arrays(file)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ProofError(f"cannot read {file}: {' '.join(why.split())[:160]}") from None
    if missing := [name for name in names if name not in held]:
        raise ProofError(f"{file} has no {missing[0]}: it is an .npz file with {' and '.join(names)}")
    return held


def _write(to: Path, what: bytes) -> None:
    try:
        files.replace(to, what)
    except OSError as error:
        raise ProofError(f"cannot write {to}: {error.strerror}") from None


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST)
    except OSError as error:
        raise ProofError(f"cannot read {file}: {error.strerror}") from None
