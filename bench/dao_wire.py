"""A pipeline whose neurons are processes of their own, asked over the wire and paid by a ledger.

    python bench/dao_wire.py          # eight epochs, then the best judge goes bad for four
    python bench/dao_wire.py --quick  # four epochs of half as many questions, then three

The neurons are those of ``dao_pipeline.py``: each has an axon with mutual TLS, a key and a certificate of its own, and
is registered on an embedded chain; every judge is a process, and the functions are one. The same pipeline is made
again from the same neurons in this process: what is heard must be the same to the bit, for numbers travel as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dao_pipeline import FUNCTIONS, TASK, Judge
from figures import Report, arguments

from klopf import chain, ledger
from klopf.dao import _strips as strips
from klopf.dao import _wired as wired
from klopf.dao.pipeline import Neuron, Pipeline

JUDGES = {"up": ("upright", None, False), "inv": ("inverted", None, False), "few": ("upright", 60, False),
          "noise": ("upright", None, True)}  # fmt: skip
STAGES = ["retrieve", "judge", "combine", "act"]
PAY = 100 * ledger.KLP


def key(number: int) -> ledger.Key:
    return ledger.Key(number.to_bytes(32, "big"))


def neurons(of: str, folder: Path) -> list[Neuron]:
    """Those that one process serves; a judge is bad as long as a file says so."""
    if of == "functions":
        return [Neuron(one.__name__, takes, gives, one) for one, takes, gives in FUNCTIONS]
    judge, flag = Judge(*JUDGES[of]), folder / f"{of}.bad"

    def answer(images):  # type: ignore[no-untyped-def]
        judge.bad = flag.exists()
        return judge.answer(images)

    return [Neuron(of, 64, 10, answer)]


def serve(of: str, folder: Path) -> None:
    deployment = ledger.Deployment.load(folder / "deployment.json")
    names = [*JUDGES, *(one.__name__ for one, _, _ in FUNCTIONS)]

    async def all_() -> None:
        served = []
        me = asyncio.current_task()
        assert me is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
        for one in neurons(of, folder):
            book = ledger.connect(str(folder / "ledger.sqlite"), key(100 + names.index(one.name)), deployment)
            told = lambda id, _, name=one.name: (folder / f"{name}.id").write_text(str(id))  # noqa: E731
            served.append(wired.serve(book, one, folder / one.name, told=told))
        await asyncio.gather(*served)

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(all_())


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] == "--serve":
        return serve(sys.argv[2], Path(sys.argv[3]))
    given = arguments(__doc__).parse_args()
    epochs, after, size = (4, 3, 100) if given.quick else (8, 4, 200)
    with Report(given.json) as report, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chain.create(folder / "ledger.sqlite", chain_id=1337).close()
        deployment = ledger.deploy(str(folder / "ledger.sqlite"), key(1), ledger.Parameters())
        deployment.save(folder / "deployment.json")
        groups = [*JUDGES, "functions"]
        running = [subprocess.Popen([sys.executable, __file__, "--serve", one, name]) for one in groups]
        try:
            pool = [one for group in groups for one in neurons(group, folder)]
            until = time.monotonic() + 300
            while not all((folder / f"{one.name}.id").exists() for one in pool):
                if time.monotonic() > until or any(one.poll() is not None for one in running):
                    raise SystemExit("a neuron did not start")
                time.sleep(0.2)
            ids = {one.name: int((folder / f"{one.name}.id").read_text()) for one in pool}
            book = ledger.connect(str(folder / "ledger.sqlite"), key(1), deployment)
            with wired.Line(book, folder / "asker") as line:
                asked = [line.neuron(one.name, ids[one.name], one.takes, one.gives) for one in pool]
                there, here = (Pipeline(TASK, STAGES, who) for who in (asked, pool))
                same, out, seconds, promised = True, after + 1, 0.0, 0
                for epoch in range(epochs + after):
                    if epoch == epochs:
                        (folder / "up.bad").touch()
                    inputs, right, kinds, _ = strips.questions(size, 1000 + epoch)
                    began = time.perf_counter()
                    learned = there.learn(inputs, right, kinds)
                    seconds += time.perf_counter() - began
                    got = line.pay(ids, learned.pay, PAY)
                    line.news()
                    promised += sum(got.values())
                    here.learn(inputs, right, kinds)
                    same &= all(there.shares(kind) == here.shares(kind) for kind in strips.KINDS)
                    heard = max(there.shares(kind).get("judge", {}).get("up", 0.0) for kind in strips.KINDS)
                    klp = got.get("up", 0) / ledger.KLP
                    report.say(f"epoch {epoch + 1}: {learned.score:.3f}; the best judge is heard {heard:.3f} and gets "
                               f"{klp:.2f} of {PAY / ledger.KLP:g} KLP {learned.troubles or ''}")  # fmt: skip
                    if epoch >= epochs and heard < 0.05 and learned.pay.get("up", 0.0) < 0.02:
                        out = min(out, epoch - epochs + 1)
                    if epoch == epochs - 1:
                        inputs, right, kinds, _ = strips.questions(500, 1, "held out")
                        held = TASK.score(TASK.decide(there.answer(inputs, kinds)), right)
            report.figure("over the wire: on strips held out", held, "share")
            report.figure(
                "who is heard, as with the same neurons in one process (1: to the bit)", float(same), "", at_least=1
            )
            report.figure("epochs until the judge that went bad is out", float(out), "epochs", at_most=3)
            report.figure("an epoch", seconds / (epochs + after), "s")
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.wait()
        took = sum(book.vouchers.reserved(book.registry.id_of(book.me.address), k).redeemed for k in ids.values())
        report.figure(
            "of what was promised, taken from reserves when all have ended", took / promised, "share", at_least=1
        )


if __name__ == "__main__":
    main()
