"""``klopf dao pipeline`` and ``klopf dao serve``: neurons in a row that find by themselves who is good for what."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.console.cli.access import HERE, KeyFile, Rpc, Where, klp, load_key, open_ledger, units
from klopf.console.cli.command import Json, print_json
from klopf.errors import DaoError

if TYPE_CHECKING:
    from klopf import ledger as book
    from klopf.dao._declared import Declared

__all__ = ["pipeline", "serve"]

Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))]


def pipeline(
    file: Path | None = None, *, example: Path | None = None, pay: str = "", ahead: str = "", key: KeyFile = None,
    rpc: Rpc = None, deployment: Where = HERE, json_: Json = False,
) -> None:  # fmt: skip
    """Let neurons find out together which of them is good for which stage and which kind of question.

    Each epoch: how good the pipeline was, on questions that it had not seen and on those held out; at the end who is
    heard where, and who was paid what. Neurons with an id are asked over the wire, as somebody serves them.

    Example: klopf dao pipeline STRIPS/pipeline.toml

    Parameters
    ----------
    file
        What the stages, the neurons and the questions are. What it names as a model is imported: read nobody else's.
    example
        Write one with its data into this folder, and do nothing else.
    pay
        KLP for an epoch, to the owners of the neurons that are asked over the wire: each gets what it earned.
    ahead
        KLP reserved for each of them beyond what it was promised, for those that answer nobody else.
    """
    from klopf.dao import _strips as strips

    if example is not None:
        print(f"klopf dao pipeline {strips.example(example)}")
        return
    if file is None:
        raise DaoError("name a pipeline's file; `klopf dao pipeline --example FOLDER` writes one")
    amounts = units(pay) if pay else 0, units(ahead) if ahead else 0
    with _declared(file, *amounts, key, rpc, deployment) as (declared, pays):
        told = []
        for epoch, (learned, score) in enumerate(declared.epochs(), 1):
            got = pays(learned.pay)
            troubles = "".join(f"; {name}: {why}" for name, why in learned.troubles.items())
            paid = f"  paid {', '.join(f'{name} {klp(one)}' for name, one in got.items())}" if got else ""
            told.append(
                {"epoch": epoch, **vars(learned), "held_out": score, "paid": {k: klp(v) for k, v in got.items()}}
            )
            if not json_:
                print(f"epoch {epoch:3d}  unseen {learned.score:.3f}  held out {score:.3f}{paid}{troubles}", flush=True)
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
    for name, got_ in sorted(made.pay.items(), key=lambda one: -one[1]):
        print(f"  {name:12s} {got_ / total:6.1%}")


@contextlib.contextmanager
def _declared(
    file: Path, amount: int, ahead: int, key: Path | None, rpc: str | None, deployment: Path
) -> Iterator[tuple[Declared, Any]]:
    """The pipeline, and who pays its neurons after an epoch."""
    from klopf.dao._declared import Declared, read_ids

    ids = read_ids(file)
    if not ids:
        if amount or ahead:
            raise DaoError(f"{file} has no neuron with an id: nobody is there to be paid")
        yield Declared.read(file), lambda pay: {}
        return
    from klopf.dao import _wired as wired

    with open_ledger(rpc, deployment, load_key(key)) as ledger, wired.Line(ledger, file.with_suffix(".home")) as line:

        def pays(pay: dict[str, float]) -> dict[str, int]:
            line.news()
            got = line.pay(ids, pay, amount) if amount else {}
            line.reserve(ids, ahead)
            return got

        line.reserve(ids, ahead)

        yield Declared.read(file, line.neuron), pays


def serve(
    file: Path, name: str, *, host: str = "127.0.0.1", port: Port = 0, only: list[int] | None = None,
    ahead: str = "", key: KeyFile = None, rpc: Rpc = None, deployment: Where = HERE,
) -> None:  # fmt: skip
    """Answer for one neuron of a pipeline's file, registered on a network's ledger, until Ctrl-C.

    Its number is what others write as its id. Whoever is registered may ask; vouchers for what it earned are taken by
    the minute and at the end.

    Example: klopf dao serve STRIPS/pipeline.toml ada --key ADA.json

    Parameters
    ----------
    file
        A pipeline's file that says how the neuron is made.
    name
        The neuron's.
    host
        The address that others dial, and that it listens at.
    port
        0: any that is free.
    only
        Answer only these, by their numbers in the registry.
    ahead
        Answer only whoever has so many KLP reserved for it, beyond what it was promised.
    """
    import asyncio

    from klopf.dao import _wired as wired
    from klopf.dao._declared import read_neuron

    neuron = read_neuron(file, name)

    def told(id: int, endpoint: str) -> None:
        print(f'name = "{name}"\nid = {id}\ntakes = {neuron.takes}\ngives = {neuron.gives}', flush=True)
        print(f"# answers at {endpoint}; Ctrl-C ends it", flush=True)

    async def until_ended(ledger: book.Ledger) -> None:
        answering = asyncio.ensure_future(
            wired.serve(ledger, neuron, file.parent / f"{name}.home", host=host, port=port,
                        only=frozenset(only or ()), ahead=units(ahead) if ahead else 0, told=told)
        )  # fmt: skip
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(one, answering.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await answering

    with open_ledger(rpc, deployment, load_key(key)) as ledger:
        asyncio.run(until_ended(ledger))
