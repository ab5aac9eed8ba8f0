"""What would happen: all that `klopf run` looks at before it makes anything, and what it understood of the data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from klopf.network._data import Shares
from klopf.network._prepare import examined
from klopf.network._samples import Samples
from klopf.network._settings import NetworkSettings
from klopf.peers import Classes, Numbers

__all__ = ["Checked", "check", "understood"]

SHOWN = 40
"""Columns and neurons of which each has a line; of the others it is said how many there are."""
ALIKE = 0.9999
"""A correlation with the target from which on a column is suspected to be made from it."""
SCARCE = 10
"""Samples of a class in the test set below which its part of a score is mostly chance."""
FEW = 30
"""Samples below which it is said that a neuron has so few."""


@dataclass(frozen=True)
class Checked:
    """What a network file comes to, without anything being made."""

    settings: NetworkSettings
    shares: Shares

    def as_dict(self) -> dict[str, Any]:
        shares, settings, task = self.shares, self.settings, self.shares.test.task
        taken = {one.name: one for one in shares.schema.features}
        columns = [
            {"name": c.name, "kind": c.kind, "gaps": c.gaps, "different": c.distinct}
            | ({"left_out": c.why} if c.kind == "drop" else {"inputs": len(taken[c.name].inputs)})
            for c in shares.columns
        ]  # fmt: skip
        neurons = [
            {"name": n.name, "model": n.model, "samples": len(s), "sees": len(places) or len(task.features)}
            for n, s, places in zip(settings.neuron, shares.neurons, shares.sees, strict=True)
        ]
        held = {what: len(getattr(shares, what)) for what in ("test", "audit", "reference")}
        asked = (held["test"] + held["reference"]) * len(neurons) * settings.epochs
        return {
            "rows": shares.rows, "columns": columns, "inputs": len(task.features), "target": self._target(),
            "measure": task.measure, "held_out": held, "neurons": neurons, "auditors": len(settings.auditor),
            "epochs": settings.epochs, "ledger": settings.ledger.rpc or "embedded",
            "stake": settings.rules.stake, "fees_at_most": settings.requester.fee * asked,
            "warnings": self.warnings(),
        }  # fmt: skip

    def _target(self) -> dict[str, Any]:
        task, name = self.shares.test.task, self.shares.schema.target
        everything = np.concatenate([part.targets for part in _parts(self.shares)])
        if isinstance(task, Classes):
            counts = np.bincount(everything, minlength=len(task.names)).tolist()
            return {"name": name, "task": "classes", "classes": dict(zip(task.names, counts, strict=True))}
        if isinstance(task, Numbers):
            least, mean, most = (float(f(everything)) for f in (np.min, np.mean, np.max))
            return {
                "name": name,
                "task": "numbers",
                "unit": "".join(task.units),
                "least": least,
                "mean": mean,
                "most": most,
            }
        return {"name": name, "task": "text", "different": len(np.unique(everything))}

    def warnings(self) -> list[str]:
        """What would make a run say less than it seems to, a line each."""
        shares, task, found = self.shares, self.shares.test.task, []
        if isinstance(task, Classes):
            counts = np.bincount(shares.test.targets, minlength=len(task.names))
            most = counts.max() / counts.sum()
            if task.frequencies:
                found.append(
                    f"{task.names[int(counts.argmax())]!r} alone is {most:.1%} of the samples: balanced accuracy is "
                    "told, in which each class counts alike (data.measure says otherwise)"
                )
            few = [name for name, count in zip(task.names, counts, strict=True) if count < SCARCE]
            if few:
                found.append(
                    f"the test set has fewer than {SCARCE} samples of {_listed(few)}: scores are mostly chance there"
                )
            known = {int(k) for share in shares.neurons for k in np.unique(share.targets)}
            unknown = [name for k, name in enumerate(task.names) if k not in known]
            if unknown:
                found.append(f"no neuron has samples of {_listed(unknown)}")
            folded = Counter(name.casefold().strip() for name in task.names)
            twice = [name for name in task.names if folded[name.casefold().strip()] > 1]
            if twice:
                found.append(f"{_listed(twice)} are different classes: data.spellings makes them one")
        few_of = [(n.name, len(s)) for n, s in zip(self.settings.neuron, shares.neurons, strict=True) if len(s) < FEW]
        if few_of and self.settings.data.file is not None and self.settings.data.share == "dirichlet":
            found.append(
                f"neuron {few_of[0][0]!r} has {_count(few_of[0][1], 'sample')} only, since rows are shared out "
                'unequally: data.share = "equal" gives each as many'
            )
        if isinstance(task, Numbers):
            found += self._made_of_the_target(shares.reference)
        if len(shares.reference) < 30:
            found.append(
                f"{len(shares.reference)} samples in the reference set are few to learn from whom to listen to"
            )
        return found

    def _made_of_the_target(self, samples: Samples) -> list[str]:
        right, lines = samples.targets[:, 0].astype(np.float64), []
        for k, name in enumerate(samples.task.features):
            inputs = samples.inputs[:, k].astype(np.float64)
            if len(right) > 20 and inputs.std() > 0 and right.std() > 0:
                alike = abs(float(np.corrcoef(inputs, right)[0, 1]))
                if alike > ALIKE:
                    lines.append(f"column {name!r} goes with the target by {alike:.6f}: is it made from it?")
        return lines

    def text(self) -> str:
        """For people."""
        said, shares = self.as_dict(), self.shares
        lines = [*understood(shares), ""]
        used = [pair for pair in zip(shares.columns, said["columns"], strict=True) if pair[0].kind != "drop"]
        width = max([len(column.name) for column, _ in used[:SHOWN]] + [6])
        for column, record in used[:SHOWN]:
            gaps = f", {column.gaps / shares.rows:.1%} gaps" if column.gaps else ""
            if shares.schema.task == "text":
                what = "text"
            else:
                different = f", {column.distinct:,} different" if column.kind == "category" else ""
                what = f"{column.kind}{different}{gaps}, {_count(record['inputs'], 'input')}"
            lines.append(f"  {column.name:{width}}  {what}")
        if len(used) > SHOWN:
            lines.append(f"  and {len(used) - SHOWN} more")
        lines += ["", *(f"  neuron {n['name']}: {n['model']}, {n['samples']:,} samples" + (
            f", sees {n['sees']} of {said['inputs']} inputs" if n["sees"] < said["inputs"] else ""
        ) for n in said["neurons"][:SHOWN])]  # fmt: skip
        if len(said["neurons"]) > SHOWN:
            lines.append(f"  and {len(said['neurons']) - SHOWN} more neurons")
        held = ", ".join(f"{count:,} {what}" for what, count in said["held_out"].items())
        lines += [
            f"  held out: {held}; {_count(said['auditors'], 'auditor')}; {_count(said['epochs'], 'epoch')}; "
            f"ledger: {said['ledger']}",
            f"  at stake {said['stake']:g} tokens each; fees of {said['fees_at_most']:g} tokens at most",
            *(f"note: {warning}" for warning in said["warnings"]),
            "nothing was made",
        ]
        return "\n".join(lines)


def check(settings: NetworkSettings) -> Checked:
    """Look at all that a run would need: data, ports, models, audit tasks, packs. Nothing is made.

    Raises:
        KlopfError: what a run would end with at once, in one line.
    """
    return Checked(settings, examined(settings)[0])


def understood(shares: Shares) -> list[str]:
    """What was understood of the data, in a few lines: told before a run begins."""
    task, schema = shares.test.task, shares.schema
    used = Counter(column.kind for column in shares.columns if column.kind != "drop")
    plural = {"number": "numbers", "category": "categories", "date": "dates"}
    kinds = "a text" if schema.task == "text" else ", ".join(
        f"{count} {plural[kind] if count > 1 else kind}" for kind, count in used.items()
    )  # fmt: skip
    gaps = sum(column.gaps for column in shares.columns if column.kind != "drop")
    cells = shares.rows * max(1, sum(used.values()))
    share = f", {gaps / cells:.1%} gaps" if gaps else ""
    lines = [f"{shares.rows:,} rows of {kinds}{share}: {_count(len(task.features), 'input')}"]
    dropped = [f"left out {c.name!r}: {c.why}" for c in shares.columns if c.kind == "drop"]
    lines += dropped[:SHOWN] + ([f"and {len(dropped) - SHOWN} more are left out"] if len(dropped) > SHOWN else [])
    out = f"{len(task.names)} classes ({_listed(task.names)})" if isinstance(task, Classes) else schema.task
    unit = f" in {schema.unit}" if schema.unit else ""
    return [*lines, f"target {schema.target!r}: {out}{unit}, measured by {task.measure}"]


def _parts(shares: Shares) -> list[Samples]:
    return [*shares.neurons, shares.test, shares.audit, shares.reference]


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"
