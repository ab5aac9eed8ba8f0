"""A run at a terminal: live while it goes on, a table at the end. To a pipe it writes plain lines."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from klopf import ledger
from klopf.network import NetworkSettings, Progress, Summary

__all__ = ["Live", "print_summary"]

ROWS, LINES = 16, 60
"""Neurons that are shown while a run goes on, and at its end: the most heard of more."""
STYLE = {"backbone": "bold", "fringe": "", "silent": "dim strike"}


class Live:
    """Shows progress on standard error while the ``with`` block runs."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._names = [n.name for n in settings.neuron]
        self._models = {n.name: n.shown for n in settings.neuron}
        self._epochs = settings.epochs
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f}/{task.total} epochs"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=self._console,
        )  # fmt: skip
        self._task = self._bar.add_task("preparing", total=settings.epochs)
        self._live = RichLive(console=self._console, refresh_per_second=4, transient=True)
        self._held: list[str] = []
        """Plain lines wait until the network begins: one that cannot begin says one line, why."""
        self._last_plain = ""
        self._last_notes = 0

    def __enter__(self) -> Live:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def begun(self, text: str) -> None:
        """One thing begun."""
        if self._console.is_terminal:
            self._bar.update(self._task, description=text)
            self._live.update(self._bar)
        else:
            self._held.append(f"{time.strftime('%H:%M:%S')} {text}")

    def progress(self, progress: Progress) -> None:
        """Where the run stands."""
        self._epochs = progress.epochs
        done = max(0, progress.epoch - 1) + (0.5 if progress.phase == "claim" else 0.0)
        part = 0.5 * progress.arrived / progress.expected if progress.expected else 0.0
        count = f"{progress.arrived} of {progress.expected or '?'} done"
        text = f"epoch {min(progress.epoch, self._epochs)}: {progress.phase}, {count}"
        if self._console.is_terminal:
            self._bar.update(self._task, total=self._epochs, completed=min(done + part, self._epochs), description=text)
            notes = [Text(note, style="yellow") for note in progress.happened[-3:]]
            self._live.update(Group(self._table(progress), *notes, self._bar))
            return
        for line in self._held:
            print(line, file=sys.stderr)
        self._held.clear()
        plain = f"epoch {progress.epoch} {progress.phase}"
        if progress.phase == "disputes":
            plain = "the last epochs' pay waits for their dispute windows"
        if plain != self._last_plain and (progress.epoch <= self._epochs or progress.phase == "disputes"):
            score = f", network {progress.measure} {progress.scores[0]:.1%}" if 0 in progress.scores else ""
            print(time.strftime("%H:%M:%S"), f"{plain}{score}", file=sys.stderr, flush=True)
            self._last_plain = plain
        for note in progress.happened[self._last_notes :]:
            print(time.strftime("%H:%M:%S"), note, file=sys.stderr, flush=True)
        self._last_notes = len(progress.happened)

    def _table(self, progress: Progress) -> Table:
        grid = Table(box=None, pad_edge=False)
        for name in ("neuron", "model", "standing"):
            grid.add_column(name)
        for name in ("heard", "audit", "alone"):
            grid.add_column(name, justify="right")
        neurons = [p for p in progress.participants.values() if p.role is ledger.Role.NEURON]
        named = list(zip(sorted(neurons, key=lambda p: p.id), self._names, strict=False))
        shown = sorted(named, key=lambda one: -one[0].utility)[:ROWS] if len(named) > ROWS else named
        for p, name in shown:
            standing = p.standing.name.lower()
            alone = f"{progress.scores[p.id]:.1%}" if p.id in progress.scores else ""
            audit = "passed" if p.passed else f"failed {p.failed}x" if p.failed else ""
            grid.add_row(
                name, self._models[name], standing, f"{p.utility:.1%}", audit, alone, style=STYLE.get(standing, "")
            )
        if len(named) > len(shown):
            grid.add_row(f"and {len(named) - len(shown)} more", style="dim")
        if 0 in progress.scores:
            grid.add_row("the network", "", "", "", "", f"{progress.scores[0]:.1%}", style="bold cyan")
        return grid


def print_summary(summary: Summary) -> None:
    """The closing table on standard output."""
    console = Console()
    grid = Table(title=f"{summary.name}, seed {summary.seed}", title_justify="left")
    for name in ("neuron", "model", "standing"):
        grid.add_column(name)
    tasks = list(dict.fromkeys(task for row in summary.neurons for task in row.audit))
    for name in ("heard", f"audit: {' / '.join(tasks)}" if tasks else "audit", "earned", "slashed"):
        grid.add_column(name, justify="right")
    for row in sorted(summary.neurons, key=lambda r: (-r.heard, r.id))[:LINES]:
        audit = " / ".join(f"{row.audit[task]:.0%}" if task in row.audit else "–" for task in tasks if row.audit)
        money = (f"{row.earned:,.2f}", f"{row.slashed:,.2f}")
        style = STYLE.get(row.standing, "")
        grid.add_row(row.name, row.model, row.standing, f"{row.heard:.1%}", audit, *money, style=style)
    if len(summary.neurons) > LINES:
        grid.add_row(f"and {len(summary.neurons) - LINES} more: see report.html", style="dim")
    grid.add_section()
    for auditor in summary.auditors:
        grid.add_row(
            auditor.name, "auditor", "honest" if auditor.honest else "inflates", "", "", "", f"{auditor.slashed:,.2f}"
        )
    console.print(grid)
    figures: list[Any] = [
        f"{_called(name, summary)} {value:.1%}" for name, value in summary.scores.items() if value is not None
    ]
    if figures:
        console.print(f"{summary.measure}: " + ", ".join(figures), highlight=False)
    errors = [f"{name.replace('_', ' ')} {value:.3g}" for name, value in summary.errors.items() if value is not None]
    if errors:
        unit = f", in {summary.unit}" if summary.unit else ""
        console.print(f"root mean squared error{unit}: " + ", ".join(errors), highlight=False)
    console.print(f"{summary.transactions} transactions, supply {summary.supply:,.2f} tokens", highlight=False)
    for d in summary.disputes:
        loss = f"; {d.listener} loses its reward" if d.voided else ""
        line = f"epoch {d.epoch}: {d.speaker} disputed {d.listener}: {d.outcome}{loss}"
        console.print(line, highlight=False, soft_wrap=True)
    for c in summary.challenges:
        line = f"epoch {c.epoch}: {c.by} doubted question {c.question} of {c.auditor} about {c.neuron} in {c.task}"
        console.print(f"{line}: {c.outcome}", highlight=False, soft_wrap=True)
    for contrary in summary.contradictions:
        line = f"epoch {contrary.epoch}: {contrary.neuron} gave {contrary.auditor} two contrary answers to one question"
        console.print(line, highlight=False, soft_wrap=True)
    for note in summary.notes:
        console.print(note, style="yellow", highlight=False)


def _called(score: str, summary: Summary) -> str:
    """What a score is of: beside text there is no linear model, but what is most often right (``linear_baseline``)."""
    if score == "linear":
        return "the most frequent answer" if summary.measure == "likeness" else "pooled linear model"
    return score.replace("_", " ")
