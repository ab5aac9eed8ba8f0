"""A run from beginning to end: prepare, play, tell, write ``summary.json`` and ``report.html``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from klopf import ledger, peers
from klopf.console.network import report
from klopf.console.network.config import NetworkSettings, parse_settings
from klopf.console.network.prepare import Run, prepare
from klopf.console.network.story import Story, to_json
from klopf.console.network.tell import tell
from klopf.console.network.watch import Progress, Supervisor

__all__ = ["DEMO_PASSPHRASE", "demo_settings", "gather_receipts", "play"]

DEMO_PASSPHRASE = "klopf demo"
"""Locks the demo's throw-away keys. It is public: never use it for keys that own anything."""


def demo_settings(seed: int, epochs: int) -> NetworkSettings:
    """The demo: five honest neurons, a free-rider, a liar, three auditors of whom one inflates the liar's scores."""
    mind = {"model": "mind", "settings": {"learner": "continual-backprop", "hidden": [128], "step_size": 0.02}}
    mlp = {"model": "sklearn:MLPClassifier", "settings": {"hidden_layer_sizes": [128], "learning_rate_init": 0.003}}
    raw = {
        "name": "digits", "seed": seed, "epochs": epochs,
        "data": {"file": "digits", "share": "dirichlet", "alpha": 0.5},
        "neuron": [
            {"name": "ada", **mind}, {"name": "ben", **mind}, {"name": "cleo", **mind},
            {"name": "dag", **mlp}, {"name": "eve", **mlp},
            {"name": "fred", "model": "free-rider"}, {"name": "lars", "model": "liar"},
        ],
        "auditor": [{"name": "vera"}, {"name": "walt"}, {"name": "xeno", "inflates": "lars"}],
        "requester": {"name": "rita", "fee": 0.001},
    }  # fmt: skip
    return parse_settings(raw, "demo", Path())


def play(
    settings: NetworkSettings,
    folder: Path,
    passphrase: str,
    tell_line: Callable[[str], None],
    show: Callable[[Progress], None],
) -> tuple[Run, Story]:
    """Run the network that ``settings`` describe in the new folder ``folder``.

    Raises:
        KlopfError: the settings cannot be played; nothing is left behind if the network never began.
    """
    began = time.monotonic()
    run, shares = prepare(settings, folder, passphrase, tell_line)
    tell_line(f"starting {len(run.members)} processes")
    with Supervisor(run, passphrase, show) as supervisor:
        supervisor.play()
        notes = supervisor.notes
    gather_receipts(run)
    story = tell(run, shares, time.monotonic() - began, notes)
    peers.write_atomically(folder / "summary.json", (to_json(story.summary()) + "\n").encode())
    peers.write_atomically(folder / "report.html", report.render(story).encode())
    return run, story


def gather_receipts(run: Run) -> Path:
    """Put every receipt that was claimed or disputed into one file, ``receipts.jsonl``, for ``klopf verify``.

    A listener can hand a receipt over with a proof that leads nowhere. A proof that does not lead to the posted root is
    worth nothing, and is left out.
    """
    events = ledger.events
    with run.connect() as book:
        history = list(ledger.history(book))
    claimed = {e.leaf for e in history if isinstance(e, events.Heard | events.Refused)}
    roots = {(e.epoch, e.id): e.root for e in history if isinstance(e, events.Posted)}
    disputed = {e.leaf: roots.get((e.epoch, e.listener)) for e in history if isinstance(e, events.Disputed)}
    kept: dict[bytes, str] = {}
    for member in run.members:
        for file in sorted((run.folder / member.folder / "receipts").glob("*.jsonl"), key=lambda f: int(f.stem)):
            for line in file.read_text().splitlines():
                if not (line.startswith("{") and line.endswith("}")):
                    continue  # cut off by a crash
                signed = ledger.SignedReceipt.from_json(json.loads(line))
                leaf = signed.receipt.leaf
                if leaf in claimed:
                    kept[leaf] = line
                elif leaf in disputed:
                    proved = signed.root == disputed[leaf]
                    kept[leaf] = line if proved else json.dumps(signed.with_proof(()).to_json())
    path = run.folder / "receipts.jsonl"
    peers.write_atomically(path, "".join(line + "\n" for line in kept.values()).encode())
    return path
