"""One registered asker without stake floods a neuron: how long honest askers wait meanwhile, and what memory it takes.

``python bench/flood.py [--quick] [--json]``

A run of three neurons (minds) with real processes, which ask for no fee. Two requesters without stake are registered
beside it: one asks a neuron about 32 samples, now and then; the other, a process of its own, keeps 64 questions of
4,096 samples each in flight at the same neuron. "waits" is the time to the first's seal, before, during and after the
flood, each for so many seconds; "memory" the resident size of the neuron's process. Before there were turns an honest
asker waited .7 to 11 s, and memory went from 184 to 910 MB and stayed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from figures import Report, arguments

from klopf import ledger, wire
from klopf.errors import KlopfError
from klopf.ledger import Role
from klopf.network import DEMO_PASSPHRASE, Supervisor, parse_settings, read_run
from klopf.network._folder import Run
from klopf.network._prepare import GAS_MONEY, prepare

FLOOD, SAMPLES, ASKED = 64, 4096, 32


class Stranger:
    """A requester without stake, with a key and a certificate of its own."""

    def __init__(self, run: Run, name: str) -> None:
        operator = run.connect(ledger.keys.load(run.folder / "operator.json", DEMO_PASSPHRASE))
        key, certificate = ledger.keys.new(), wire.Certificate.new(name)
        operator.fund(key.address, GAS_MONEY)
        operator.close()
        self.book = run.connect(key)
        self.book.registry.register(Role.REQUESTER, certificate=certificate.der)
        self.directory, self.task = wire.Members(), run.task
        network = wire.network_id(self.book.domain.chain_id, self.book.domain.contract)
        self.dendrite = wire.Dendrite(certificate, key, network, self.directory, retries=0)

    def look(self) -> int:
        """Read the registry; the running epoch."""
        everybody = self.book.registry.all()
        self.directory.set(wire.Peer(p.id, p.key, p.endpoint, p.fingerprint, p.certificate) for p in everybody)
        return self.book.clock.now().epoch

    async def ask(self, whom: int, epoch: int, samples: int) -> float | None:
        """Seconds to the answer's seal; None where there was none."""
        inputs = np.random.default_rng().random((samples, 64)).astype(np.float32)
        payload = {"epoch": epoch, "offer": "0", "conversation": os.urandom(8).hex()}
        begun = time.monotonic()
        try:
            await self.dendrite.ask(whom, "answer", self.task.pack_inputs(inputs), payload, timeout=30)
        except KlopfError:
            return None
        return time.monotonic() - begun


class Measured:
    def __init__(self) -> None:
        self.waits: dict[str, list[float]] = {}
        self.refused = dict[str, int]()
        self.memory: dict[str, float] = {}


def floods(folder: Path, whom: int) -> None:
    """Keep questions in flight until this process is ended."""
    flooder = Stranger(read_run(folder), "flooder")

    async def flood() -> None:
        while True:
            await flooder.ask(whom, epoch, SAMPLES)

    async def all_at_once() -> None:
        nonlocal epoch
        floods = [asyncio.create_task(flood()) for _ in range(FLOOD)]
        while floods:
            epoch = await asyncio.to_thread(flooder.look)
            await asyncio.sleep(0.2)

    epoch = flooder.look()
    asyncio.run(all_at_once())


async def asks(run: Run, honest: Stranger, seconds: float) -> Measured:
    found, stage, epoch, over = Measured(), "before", honest.look(), False
    while epoch < 2:  # everybody is there, and has learned
        await asyncio.sleep(0.5)
        epoch = honest.look()
    whom = run.members[0]
    process = int((run.folder / whom.folder / "process").read_text())

    async def watch() -> None:
        nonlocal epoch
        while not over:
            epoch = (await asyncio.to_thread(honest.book.clock.now)).epoch
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    for stage in ("before", "during", "after"):
        flooder = multiprocessing.get_context("spawn").Process(target=floods, args=(run.folder, whom.id))
        if stage == "during":
            flooder.start()
            await asyncio.sleep(5)  # until it is at it
        until = time.monotonic() + seconds
        waits, refused, most = list[float](), 0, 0.0
        while time.monotonic() < until:
            wait = await honest.ask(whom.id, epoch, ASKED)
            refused += wait is None
            waits += [] if wait is None else [wait]
            most = max(most, memory(process))
            await asyncio.sleep(seconds / 20)  # 64 of its answers may wait to be opened
        found.waits[stage], found.refused[stage], found.memory[stage] = waits, refused, most
        if stage == "during":
            flooder.kill()
            flooder.join()
    over = True
    await watching
    return found


def memory(process: int) -> float:
    """Megabytes resident."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def measured(seconds: float) -> Measured:
    with tempfile.TemporaryDirectory() as place:
        settings: dict[str, Any] = {
            "seed": 0, "epochs": 1000, "data": {"file": "digits"}, "neuron": [{"name": f"n{k}"} for k in range(3)],
            "auditor": [{"name": "vera"}], "requester": {"fee": 0.0}, "rules": {"seal_seconds": 10},
        }  # fmt: skip
        run, _ = prepare(
            parse_settings(settings, "flood", Path()), Path(place) / "run", DEMO_PASSPHRASE, lambda _: None
        )
        honest = Stranger(run, "honest")
        found: list[Measured] = []

        def ask() -> None:
            try:
                found.append(asyncio.run(asks(run, honest, seconds)))
            finally:
                os.kill(os.getpid(), signal.SIGINT)  # which ends the run

        try:
            with Supervisor(run, DEMO_PASSPHRASE) as supervisor:
                threading.Thread(target=ask, daemon=True).start()
                supervisor.supervise()
        except KeyboardInterrupt:
            pass
        return found[0]


def main() -> None:
    options = arguments(__doc__).parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with Report(options.json) as report:
        found = measured(15.0 if options.quick else 40.0)
        report.say(f"{'':>8} {'asked':>6} {'refused':>8} {'median':>9} {'most':>9} {'memory':>9}")
        for stage, waits in found.waits.items():
            report.say(
                f"{stage:>8} {len(waits):>6} {found.refused[stage]:>8} {np.median(waits):>7.3f} s {max(waits):>7.3f} s "
                f"{found.memory[stage]:>6.0f} MB"
            )
        during = found.waits["during"]
        report.figure("an honest asker waits during the flood: median", float(np.median(during)), "s", at_most=0.7)
        report.figure("an honest asker waits during the flood: most", max(during), "s", at_most=0.7)
        report.figure("memory that the flood takes", found.memory["during"] - found.memory["before"], "MB", at_most=256)
        report.figure("memory that stays", found.memory["after"] - found.memory["before"], "MB", at_most=256)


if __name__ == "__main__":
    main()
