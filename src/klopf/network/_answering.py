"""Who answers where a folder of Klopf's is asked one question after another: a neuron, or the network as one.

A neuron's folder answers with its newest model, a run's with all its neurons' models, listened to as its requester
learned to; both in this process, and nothing changes. A requester's buys each answer from the network, out of its
deposit.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from klopf import ledger, peers, tables
from klopf.errors import KlopfError, PeersError
from klopf.network._folder import read_run
from klopf.network._join import read_home, read_schema
from klopf.network._predict import Prediction, said_by_all
from klopf.network._schema import Schema

__all__ = ["Answering", "answering"]

T = TypeVar("T")

TRIES = 8
"""A state may be replaced by the next one while it is read, on a busy machine more than once."""
_THE_QUESTION = "the question"


@dataclass(frozen=True)
class Answering:
    """What a folder is asked by, and who is paid for it."""

    folder: Path
    name: str
    kind: str
    """``neuron`` or ``network``."""
    task: peers.Task
    schema: Schema
    """What it takes, and how that is prepared."""
    key: Path
    """The key file of whoever is paid."""
    where: str
    deployment: ledger.Deployment
    _said: Callable[[NDArray[Any]], NDArray[Any]]
    _checked: Callable[[], object]
    """Raises KlopfError where nothing can be said."""
    _tries: int = TRIES
    """How often it tries before it gives up: whoever buys its answers asks everybody each time, and does it once."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def questions(self, rows: Sequence[dict[str, Any]]) -> NDArray[Any]:
        """Samples, each as ``{column: value}``, as models take them; other columns are passed over.

        Raises:
            TableError, PeersError: a column is missing, or holds what the network does not take; one line.
        """
        columns: dict[str, Any] = {}
        for name in self.columns:
            for number, row in enumerate(rows, 1):
                if name not in row:
                    raise PeersError(f"{_THE_QUESTION} has no {name!r} in sample {number}: it takes {self.takes}")
            cells = [row[name] for row in rows]
            bad = next((i for i, cell in enumerate(cells, 1) if not _is_cell(cell)), 0)
            if bad:
                raise PeersError(
                    f"{_THE_QUESTION} has neither a number nor text as {name!r} in sample {bad}: write one of them"
                )
            columns[name] = _column(cells)
        inputs = self.schema.inputs(tables.Table(_THE_QUESTION, columns))
        self.task.check_inputs(inputs)
        return inputs

    @property
    def columns(self) -> tuple[str, ...]:
        """What a question says."""
        return tuple(one.name for one in self.schema.features)

    @property
    def takes(self) -> str:
        """Its columns, as people say it."""
        names = self.columns
        return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")

    def answer(self, inputs: NDArray[Any]) -> list[dict[str, Any]]:
        """What is said to each sample: for classes the ``prediction`` and its ``probability``, else each target's.

        Raises:
            KlopfError: there is no answer now.
        """
        answers = self._tried(lambda: self._said(inputs))
        columns = Prediction(self.task, answers, {}, None).columns
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def check(self) -> None:
        """Find out whether questions can be answered now, without anybody's being paid: models are asked about a sample
        of their own; for a requester the deposit is looked at, and whether a neuron that it would ask is there.

        Raises:
            KlopfError: none can, and why.
        """
        self._tried(self._checked)

    def _tried(self, what: Callable[[], T]) -> T:
        with self._turn:  # one state is loaded at a time, and a requester's folder is one process's
            for _ in range(self._tries - 1):
                with contextlib.suppress(KlopfError):
                    return what()
                time.sleep(0.05)
            return what()


def answering(folder: Path, *, fee: int = 0, most: int = 8) -> Answering:
    """Who answers in ``folder``: that of a run, of one of its neurons, or one that ``klopf join`` made. A requester
    offers ``fee`` for each sample to each of up to ``most`` neurons, as :func:`ask` does.

    Raises:
        PeersError: it is none of these, or an auditor's.
    """
    if (folder / "run.json").exists():
        return _of_run(folder)
    settings, deployment, where = read_home(folder)
    if settings.role == "auditor":
        raise PeersError(f"{folder} is that of an auditor, who answers nobody: name a neuron's or a requester's")
    run = next((up for up in folder.absolute().parents[:2] if (up / "run.json").exists()), None)
    if settings.role == "requester" and run is not None:
        return _of_run(run)
    schema = read_schema(folder) if run is None else read_run(run).schema

    def bought(asked: NDArray[Any]) -> NDArray[Any]:
        with contextlib.redirect_stdout(sys.stderr):
            return asyncio.run(peers.buy(folder, asked, fee, most)).answers

    def may_buy() -> None:
        with contextlib.redirect_stdout(sys.stderr):
            asyncio.run(peers.may_buy(folder, fee, most))

    def own(asked: NDArray[Any]) -> NDArray[Any]:
        return peers.answer(folder, asked)

    def of_its_own() -> NDArray[Any]:
        return own(peers.read_data(folder)["inputs"][:1])

    kind, said, checked, tries = (
        ("network", bought, may_buy, 1) if settings.role == "requester" else ("neuron", own, of_its_own, TRIES)
    )  # fmt: skip
    return Answering(
        folder, settings.name, kind, settings.task, schema, folder / "key.json", where, deployment, said, checked, tries
    )  # fmt: skip


def _of_run(folder: Path) -> Answering:
    run = read_run(folder)
    asking = next(m for m in run.members if m.role == "requester")
    somebody = next(m for m in run.members if m.role == "neuron")

    def said(asked: NDArray[Any]) -> NDArray[Any]:
        return said_by_all(run, asked).answers

    return Answering(
        folder, run.network, "network", run.task, run.schema, folder / asking.folder / "key.json", run.where,
        run.deployment, said, lambda: said(peers.read_data(run.folder / somebody.folder)["inputs"][:1]),
    )  # fmt: skip


def _is_cell(cell: Any) -> bool:
    if isinstance(cell, bool) or (isinstance(cell, int) and cell.bit_length() > 1000):  # which no float holds
        return False
    return cell is None or isinstance(cell, int | float | str)


def _column(cells: list[Any]) -> Any:
    """As a table has it: numbers where all are, also where they are written as text."""
    try:
        return np.array([tables.number(one) if isinstance(one, str) else float(one) for one in cells], np.float64)
    except (ValueError, TypeError):
        return [None if cell is None else str(cell) for cell in cells]
