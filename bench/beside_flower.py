"""A round's overhead and memory in Flower's simulation and over its SuperLink, beside bench/fleet.py's rounds.

    python -m venv flower && flower/bin/pip install 'flwr[simulation]' numpy psutil
    flower/bin/python bench/beside_flower.py [--devices 3] [--rounds 4] [--superlink]

It needs nothing of Klopf, and is run in an environment of its own, for Flower holds other versions of what Klopf uses.
The model has 2,410 numbers, and devices give it back as it came: all that takes time is asking. The first round is said
apart. Memory is the largest sum, seen every 0.2 s, of the memory that its processes do not share, by devices."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

APP = """
import time
import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

ROUNDS, DEVICES, TIMES = {rounds}, {devices}, {times!r}
app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    content = RecordDict({{"arrays": message.content["arrays"], "metrics": MetricRecord({{"num-examples": 1}})}})
    return Message(content=content, reply_to=message)


server = ServerApp()


@server.main()
def main(grid: Grid, context: Context) -> None:
    begun, times = time.perf_counter(), []

    def told(number, arrays):
        times.append(time.perf_counter() - begun)
        open(TIMES, "w").write(repr(times))

    strategy = FedAvg(fraction_evaluate=0.0, min_train_nodes=DEVICES, min_available_nodes=DEVICES)
    strategy.start(grid, ArrayRecord([np.zeros(2410, np.float32)]), num_rounds=ROUNDS, evaluate_fn=told)
"""


def memory(root: int) -> float:
    """Megabytes that a process and all below it do not share."""
    psutil = importlib.import_module("psutil")
    total = 0
    try:
        for one in [psutil.Process(root), *psutil.Process(root).children(recursive=True)]:
            try:
                total += one.memory_full_info().uss
            except psutil.Error:
                continue
    except psutil.Error:
        return 0.0
    return total / 1e6


def simulated(folder: Path) -> list[subprocess.Popen[bytes]]:
    """Flower's simulation of the app in ``folder``."""
    text = (
        "import sys; sys.path.insert(0, '.')\n"
        "from flwr.simulation import run_simulation\nimport app\n"
        "run_simulation(app.server, app.app, app.DEVICES, backend_config={'client_resources': {'num_cpus': 1}})\n"
    )
    return [subprocess.Popen([sys.executable, "-c", text], cwd=folder, env=quiet(folder))]


def linked(folder: Path, devices: int) -> list[subprocess.Popen[bytes]]:
    """A SuperLink, a SuperNode for each device, and the run."""
    bin_ = Path(sys.executable).parent
    home = quiet(folder)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "beside"\nversion = "1.0.0"\ndependencies = []\n\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["."]\n\n'
        '[tool.flwr.app]\npublisher = "klopf"\n\n'
        '[tool.flwr.app.components]\nserverapp = "app:server"\nclientapp = "app:app"\n\n'
        '[tool.flwr.federations]\ndefault = "here"\n\n'
        '[tool.flwr.federations.here]\naddress = "127.0.0.1:19093"\ninsecure = true\n'
    )
    (folder / "home").mkdir()
    (folder / "home/config.toml").write_text(
        '[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "127.0.0.1:19093"\ninsecure = true\n'
    )
    place = ["--host", "127.0.0.1", "--port"]
    started = [subprocess.Popen([bin_ / "flower-superlink", "--insecure", *place, "19093"], env=home, cwd=folder)]
    there(19093)
    for i in range(devices):
        words = [bin_ / "flower-supernode", "--insecure", "--superlink", "127.0.0.1:19093", *place, str(19100 + i)]
        started.append(subprocess.Popen(words, env=home, cwd=folder))
    started.append(subprocess.Popen([bin_ / "flwr", "run", ".", "here"], env=home, cwd=folder))
    return started


def there(port: int) -> None:
    """Wait, two minutes at most, until somebody listens."""
    for _ in range(240):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)


def quiet(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # Flower starts programs by name
    settings = {"FLWR_TELEMETRY_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    return {**os.environ, **settings, "PATH": path, "FLWR_HOME": str(folder / "home")}


def measured(devices: int, rounds: int, superlink: bool, patience: float) -> dict[str, Any]:
    """Seconds of each round, and megabytes a device."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        times = folder / "times"
        (folder / "app.py").write_text(APP.format(rounds=rounds, devices=devices, times=str(times)))
        most, over = 0.0, threading.Event()

        def watch() -> None:
            nonlocal most
            while not over.wait(0.2):
                most = max(most, memory(os.getpid()) - memory_of_self)

        memory_of_self = memory(os.getpid())
        watcher = threading.Thread(target=watch)
        watcher.start()
        ends = time.monotonic() + patience
        running = linked(folder, devices) if superlink else simulated(folder)
        try:
            seen: list[float] = []
            while len(seen) <= rounds and time.monotonic() < ends:
                time.sleep(0.2)
                seen = json.loads(times.read_text()) if times.exists() and times.read_text().endswith("]") else []
        finally:
            over.set()
            watcher.join()
            for one in running:
                one.terminate()
            for one in running:
                one.wait(20)
    return {"seconds": [b - a for a, b in pairwise(seen)], "megabytes": most / devices}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--superlink", action="store_true", help="over a SuperLink, not simulated")
    parser.add_argument("--patience", type=float, default=180, help="seconds at most")
    given = parser.parse_args()
    found = measured(given.devices, given.rounds, given.superlink, given.patience)
    way = "over its SuperLink" if given.superlink else "simulated"
    if not found["seconds"]:
        sys.exit(f"no round of Flower's, {way}, came to its end in {given.patience:g} s")
    first, rest = found["seconds"][0], found["seconds"][1:] or [float("nan")]
    then = f"then {min(rest):.2f} to {max(rest):.2f} s; {found['megabytes']:.0f} MB a device"
    print(f"Flower, {way}, {given.devices} devices: first round {first:.2f} s, {then}")


if __name__ == "__main__":
    main()
