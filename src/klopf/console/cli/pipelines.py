"""``klopf dao pipeline``: neurons in a row that find by themselves who is good for what."""

from __future__ import annotations

from pathlib import Path

from klopf.console.cli.command import Json, print_json
from klopf.errors import DaoError

__all__ = ["pipeline"]


def pipeline(file: Path | None = None, *, example: Path | None = None, json_: Json = False) -> None:
    """Let neurons find out together which of them is good for which stage and which kind of question.

    Each epoch: how good the pipeline was, on questions that it had not seen and on those held out; at the end who is
    heard where, and who was paid what.

    Example: klopf dao pipeline STRIPS/pipeline.toml

    Parameters
    ----------
    file
        What the stages, the neurons and the questions are. What it names as a model is imported: read nobody else's.
    example
        Write one with its data into this folder, and do nothing else.
    """
    from klopf.dao import _strips as strips

    if example is not None:
        print(f"klopf dao pipeline {strips.example(example)}")
        return
    if file is None:
        raise DaoError("name a pipeline's file; `klopf dao pipeline --example FOLDER` writes one")
    from klopf.dao._declared import Declared

    declared = Declared.read(file)
    told = []
    for epoch, (learned, score) in enumerate(declared.epochs(), 1):
        troubles = "".join(f"; {name}: {why}" for name, why in learned.troubles.items())
        told.append({"epoch": epoch, **vars(learned), "held_out": score})
        if not json_:
            print(f"epoch {epoch:3d}  unseen {learned.score:.3f}  held out {score:.3f}{troubles}", flush=True)
    made = declared.pipeline
    kinds = sorted(set(declared.learn.kinds))
    heard = {kind: made.shares(kind) for kind in kinds}
    if json_:
        print_json({"epochs": told, "heard": heard, "pay": made.pay})
        return
    for kind in kinds:
        print(f"\nquestions{f' of kind {kind}' if kind else ''}: who is heard")
        for stage, shares in heard[kind].items():
            who = sorted(shares.items(), key=lambda one: -one[1])
            print(f"  {stage:12s} " + ", ".join(f"{name} {share:.0%}" for name, share in who if share >= 0.005))
    print("\npaid, in parts of all")
    total = sum(made.pay.values()) or 1.0
    for name, got in sorted(made.pay.items(), key=lambda one: -one[1]):
        print(f"  {name:12s} {got / total:6.1%}")
