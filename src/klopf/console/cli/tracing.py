"""``klopf audit trace``: a neuron's life and grades, from the ledger alone."""

from __future__ import annotations

import contextlib
from pathlib import Path

from klopf.console.cli.access import HERE, Rpc, Where, as_rows, klp, open_ledger, print_result
from klopf.console.cli.command import Json

__all__ = ["trace"]


def trace(neuron: str, *, rpc: Rpc = None, deployment: Where = HERE, json_: Json = False) -> None:
    """Tell a neuron's whole life from the ledger alone: birth, audits, counts, models, standing, pay, and its grades.

    Example: klopf audit trace runs/weather/neurons/ada

    Parameters
    ----------
    neuron
        Its folder in a run, or its number on the ledger that --rpc and --deployment name.
    """
    from klopf.audit import desk

    with contextlib.ExitStack() as stack:
        if neuron.isdigit():
            book = stack.enter_context(open_ledger(rpc, deployment))
            id, classes = int(neuron), 0
        else:
            from klopf.network import read_run
            from klopf.peers import Classes

            folder = Path(neuron)
            found = read_run(folder.parent.parent)
            id = next((one.id for one in found.members if one.name == folder.name), 0)
            classes = len(found.task.names) if isinstance(found.task, Classes) else 0
            book = stack.enter_context(found.connect())
        life = desk.trace(book, id, classes=classes)
    plain = {"neuron": life.neuron, "model": life.model, "standing": life.standing, "safety": vars(life.safety),
             "quality": vars(life.quality), "earned": klp(life.earned), "staked": klp(life.staked),
             "slashed": klp(life.slashed), "reward_to_stake": round(life.reward_to_stake, 6),
             "moments": [vars(one) for one in life.moments]}  # fmt: skip
    lines = [
        f"{life.neuron}: {life.model}, {life.standing}", f"safety {life.safety.letter} ({life.safety.why})",
        f"quality {life.quality.letter} ({life.quality.why})",
        f"reward to stake {life.reward_to_stake:.4f}: earned {klp(life.earned)} KLP, {klp(life.staked)} KLP at stake, "
        f"{klp(life.slashed)} KLP slashed",
        *as_rows([{k: v for k, v in vars(one).items() if k != "transaction"} for one in life.moments]),
    ]  # fmt: skip
    print_result(plain, json_, lines)
