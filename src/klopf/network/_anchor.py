"""``anchor.json``: where a run stood when it ended, so that what was cut off or altered since has a name.

It holds the height of the ledger and the hash of its last block, the digest of every file that nothing else vouches
for, and what the summary says that is not on the ledger. It is one file in the same folder: whoever alters that too,
and all that follows from it, is found out only by a copy of it that somebody else has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import file_digest
from pathlib import Path
from typing import Any

from klopf import files, ledger
from klopf.network._folder import Run
from klopf.network._report import differing, made_with, missing
from klopf.network._summarise import summarise
from klopf.network._summary import Moment, Summary, to_json

__all__ = ["drop_anchor", "not_compared", "since_anchor", "status"]

_FILES = ("run.json", "deployment.json", "test.npz", "**/data.npz", "**/results/*.npz")
"""What a run is made from and what it measured; not what participants go on writing (models, logs, receipts)."""


def drop_anchor(run: Run, summary: Summary) -> Path:
    """Write ``anchor.json`` for a run that has ended with ``summary``."""
    with run.connect() as book:
        content = {
            "height": summary.blocks,
            "hash": book.rpc.block_hash(summary.blocks),
            "seconds": summary.seconds,
            "notes": summary.notes,
            "moments": [asdict(moment) for moment in summary.moments],
            "unit": summary.unit,
            "spread": summary.spread,
            "panels": made_with(),
            "files": _digests(run.folder),
        }
    path = run.folder / "anchor.json"
    files.replace(path, json.dumps(content, indent=1) + "\n")
    return path


def since_anchor(run: Run) -> list[str]:
    """A line for everything that is not as it was when the run ended: the ledger's end, files, ``summary.json`` and
    ``report.html``, which are made again from the ledger and compared.

    Raises:
        KlopfError: the ledger cannot be read.
    """
    try:
        anchor = json.loads((run.folder / "anchor.json").read_text())
        height, digest = int(anchor["height"]), str(anchor["hash"])
        moments = [Moment(**moment) for moment in anchor["moments"]]
        kept = dict(anchor["files"])
        seconds, notes = float(anchor["seconds"]), list(anchor["notes"])
        unit, spread = str(anchor["unit"]), float(anchor["spread"])
        panels = _panels(anchor)
    except FileNotFoundError:
        return [
            "anchor.json is missing, which a run writes when it ends: "
            "nobody can say whether the end of the ledger was cut off"
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"anchor.json cannot be read ({type(error).__name__}): it was altered"]
    with run.connect() as book:
        if _grew(run, kept.get("deployment.json", ""), book):
            kept["deployment.json"] = _digest(run.folder / "deployment.json")
        found = list(_files(run.folder, kept))
        reached = book.rpc.height()
        if reached < height:
            return [*found, f"the ledger ends with block {reached}; when the run ended it had reached block {height}"]
        if book.rpc.block_hash(height) != digest:
            return [*found, f"block {height} of the ledger is another one than when the run ended"]
    summary = summarise(run, None, seconds, notes, until=height)
    summary.moments, summary.unit, summary.spread = moments, unit, spread
    return found + list(_derived(run.folder, summary, panels))


def status(run: Run) -> Summary:
    """What ``run`` came to as its ledger has it by now; where it has ended, with the scores that were measured then.

    Raises:
        KlopfError: the ledger cannot be read.
    """
    summary = summarise(run, None, 0.0, [])
    try:
        anchor = json.loads((run.folder / "anchor.json").read_text())
        moments = [Moment(**moment) for moment in anchor["moments"]]
        seconds, unit, spread = float(anchor["seconds"]), str(anchor["unit"]), float(anchor["spread"])
    except (OSError, ValueError, KeyError, TypeError):
        return summary  # it goes on; or the file was altered, which `klopf verify` says
    newest = max((int(path.stem) for path in run.folder.glob("requesters/*/results/*.npz")), default=0)
    if moments and moments[-1].epoch == newest:  # else it was taken up again
        summary.moments, summary.seconds, summary.unit, summary.spread = moments, seconds, unit, spread
    return summary


def not_compared(run: Run) -> list[str]:
    """A line for each part of ``report.html`` that cannot be made again here, which is nobody's fault."""
    try:
        return missing(_panels(json.loads((run.folder / "anchor.json").read_text())))
    except (OSError, ValueError, TypeError, AttributeError):
        return []  # since_anchor says so


def _panels(anchor: dict[str, Any]) -> dict[str, list[str]]:
    """What the report was made with; of a run before that was written down, what one is made with now."""
    told = anchor.get("panels")
    return made_with() if told is None else {name: [str(who) for who in whose] for name, whose in dict(told).items()}


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted({path for pattern in _FILES for path in folder.glob(pattern)})
    return {path.relative_to(folder).as_posix(): _digest(path) for path in paths}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _files(folder: Path, kept: dict[str, str]) -> Iterator[str]:
    now = _digests(folder)
    for name in sorted({*now, *kept}):
        if now.get(name) != kept.get(name):
            how = "is missing" if name not in now else "was altered" if name in kept else "was not there"
            yield f"{name} {how}{'' if how == 'was not there' else ' since the run ended'}"


def _grew(run: Run, digest: str, book: ledger.Ledger) -> bool:
    """Whether the deployment file differs only by packs added since, as ``klopf ledger add-pack`` does."""
    told = run.deployment
    written = (run.folder / "deployment.json").read_text("utf-8")
    return written == told.text and told.grown_from(digest, book.rpc)


def _derived(folder: Path, summary: Summary, panels: dict[str, list[str]]) -> Iterator[str]:
    """What ``summary.json`` and ``report.html`` say otherwise than the ledger."""
    try:
        told = json.loads((folder / "summary.json").read_text("utf-8"), parse_float=str, parse_int=str)
        yield from _compare(
            "summary.json", json.loads(to_json(summary.as_dict()), parse_float=str, parse_int=str), told
        )
    except (OSError, ValueError) as error:
        yield f"summary.json cannot be read ({type(error).__name__})"
    try:
        yield from differing((folder / "report.html").read_text("utf-8"), summary, panels)
    except (OSError, ValueError) as error:
        yield f"report.html cannot be read ({type(error).__name__})"


def _compare(where: str, must: Any, told: Any) -> Iterator[str]:
    if isinstance(must, dict) and isinstance(told, dict):
        for key in {**must, **told}:
            yield from _compare(f"{where} {key}", must.get(key), told.get(key))
    elif isinstance(must, list) and isinstance(told, list) and len(must) == len(told):
        for number, (one, other) in enumerate(zip(must, told, strict=True)):
            name = one.get("name", number) if isinstance(one, dict) else number
            yield from _compare(f"{where} {name}", one, other)
    elif must != told:
        yield f"{where}: must be {must}, is {told}"
