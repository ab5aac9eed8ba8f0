"""Buy a network's answers for a file of samples."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from klopf import peers, tables
from klopf.errors import PeersError
from klopf.network._distil import Distilled, Pupil, distil
from klopf.network._join import read_home, read_schema
from klopf.network._predict import Prediction

__all__ = ["Answered", "ask"]


@dataclass(frozen=True)
class Answered:
    """What was bought, by whom it was answered, and what it costs at most."""

    prediction: Prediction
    """Its ``shares`` are by the neurons' ids."""
    paid: int
    """In the token's smallest unit."""
    distilled: Distilled | None = None
    """What it did to a model of one's own, where one was named."""


def ask(
    folder: Path, file: Path, fee: int, *, most: int = 8, form: tables.Format | None = None,
    pupil: Pupil | None = None,
) -> Answered:  # fmt: skip
    """Buy an answer to each sample in ``file`` for whoever joined as a requester from ``folder``, at ``fee`` for each
    sample and neuron, from up to ``most`` neurons, and teach them to ``pupil``.
    The passphrase of its key is in KLOPF_PASSPHRASE. Lines about who
    did not answer, and why, go to standard error.

    Raises:
        KlopfError: the file does not fit the schema, nobody answered, or what is deposited does not last.
    """
    settings, _, _ = read_home(folder)
    if settings.role != "requester":
        raise PeersError(f"{folder} is that of a {settings.role}: `klopf join --as requester` makes one who may ask")
    schema = read_schema(folder)
    inputs = schema.questions(file, form)
    if pupil is not None:
        pupil.check(schema)
    table, right = tables.read(file, form), None
    if schema.target in table.names and None not in table.words(schema.target):
        right = schema.samples(file, form).targets
    with contextlib.redirect_stdout(sys.stderr):
        bought = asyncio.run(peers.buy(folder, inputs, fee, most))
    task = schema.made_task
    score = None if right is None else task.score(task.decide(bought.answers), right)
    shares = {f"#{k}": share for k, share in sorted(bought.shares.items())}
    taught = None
    if pupil is not None:
        taught = distil(pupil, schema, inputs, bought.answers, peers.read_data(folder))
    return Answered(Prediction(task, bought.answers, shares, score), bought.paid, taught)
