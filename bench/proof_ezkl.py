"""A proof of a network's answer, ours beside ezkl's, of the same network in one run: pip install ezkl (whose licence
is not named).

    python bench/proof_ezkl.py           # 64-32-10 of digits, and 784-100-10 of random weights
    python bench/proof_ezkl.py --quick   # the first alone

Times are the processor's, of all threads; each of ezkl's steps is a process of its own, so that its memory is its own.
Its common reference string is drawn here, which is quicker than a ceremony and as little trusted as whoever draws it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from figures import Report, arguments

from klopf.proof import model
from klopf.proof._onnx_written import onnx_of

_STEP = """
import ezkl, resource, sys
getattr(ezkl, sys.argv[1])(*sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def apart(step: str, *files: str) -> tuple[float, float]:
    """Seconds of the processor, and megabytes, of one of ezkl's steps in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _STEP, step, *files], capture_output=True, text=True, check=True)
    seconds, megabytes = done.stdout.split()[-2:]
    return float(seconds), float(megabytes)


def theirs(report: Report, title: str, layers: model.Layers, x: Any) -> float:
    """Seconds of proving."""
    import ezkl

    with tempfile.TemporaryDirectory() as folder:
        at = {
            name: str(Path(folder) / name)
            for name in ("net.onnx", "settings", "net", "srs", "vk", "pk", "in", "wit", "proof")
        }
        Path(at["net.onnx"]).write_bytes(onnx_of(layers))
        Path(at["in"]).write_text(json.dumps({"input_data": [x.tolist()]}))
        run = ezkl.PyRunArgs()
        for part, seen in (("input", "public"), ("output", "public"), ("param", "private")):
            setattr(run, f"{part}_visibility", seen)
        ezkl.gen_settings(at["net.onnx"], at["settings"], py_run_args=run)
        ezkl.calibrate_settings(at["in"], at["net.onnx"], at["settings"], "resources")
        ezkl.compile_circuit(at["net.onnx"], at["net"], at["settings"])
        rows = json.loads(Path(at["settings"]).read_text())["run_args"]["logrows"]
        ezkl.gen_srs(at["srs"], rows)
        setup, _ = apart("setup", at["net"], at["vk"], at["pk"], at["srs"])
        ezkl.gen_witness(at["in"], at["net"], at["wit"])
        took, memory = apart("prove", at["wit"], at["net"], at["pk"], at["proof"], at["srs"])
        checked, _ = apart("verify", at["proof"], at["settings"], at["vk"], at["srs"])
        size = len(bytes(json.loads(Path(at["proof"]).read_text())["proof"]))
    for what, value, unit in (("setup", setup, "s"), ("proving", took, "s"), ("verifying", checked, "s"),
                              ("memory of proving", memory, "MB"), ("size of a proof", size, "bytes")):  # fmt: skip
        report.figure(f"{title}, ezkl: {what}", value, unit)
    return took


def ours(report: Report, title: str, layers: model.Layers, x: Any) -> float:
    """Seconds of proving, compiled before."""
    model.Committed.of(layers).prove(x)
    start = time.process_time()
    committed = model.Committed.of(layers)
    setup = time.process_time() - start
    times = []
    for _ in range(4):
        start = time.process_time()
        answer = committed.prove(x)
        times.append(time.process_time() - start)
    start = time.process_time()
    model.verify(committed.card, answer)
    checked = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for what, value, unit in (
        ("setup", setup, "s"),
        ("proving", sorted(times)[1], "s"),
        ("verifying", checked, "s"),
        ("memory of the whole process", memory, "MB"),
        ("size of a proof", len(answer.proof), "bytes"),
    ):
        report.figure(f"{title}, ours: {what}", value, unit)
    return sorted(times)[1]


def main() -> None:
    options = arguments(__doc__).parse_args()
    with Report(options.json) as report:
        for sizes in ((64, 32, 10),) if options.quick else ((64, 32, 10), (784, 100, 10)):
            rng = np.random.default_rng(0)
            weights = [rng.normal(0, m**-0.5, (n, m)) for m, n in pairwise(sizes)]
            layers = model.Layers.of(weights, [np.zeros(n) for n in sizes[1:]], "relu")
            title, x = "-".join(map(str, sizes)), rng.random(sizes[0])
            mine = ours(report, title, layers, x)
            other = theirs(report, title, layers, x)
            report.figure(f"{title}: ezkl's proving / ours", other / mine, "times", at_least=10)
        for figure in report.figures:
            report.say(f"{figure.what}: {figure.measured:.4g} {figure.unit}")


if __name__ == "__main__":
    main()
