"""A neuron that answers by a cheaper network, against answers that are drawn after they were signed and must be proven.

    python bench/proof_caught.py           # 100 runs of a cheat and 25 of an honest neuron
    python bench/proof_caught.py --quick   # 20, and 5

In each run and epoch a neuron of handwritten digits signs its answers, a beacon's value draws some of them (1 in 100),
and it has to prove these: what it proves is compared with what it signed by ``klopf.proof.neuron.bound``, as an auditor
does. A cheat that has the right network proves the right answer, which is not the one that it signed; where it cannot
prove anything it is caught as well. Nothing here runs on a ledger: the beacon is a hash, and losing stake is a line.
The cheaper network has 8 hidden units where the committed one has 32. What is paid for is answering by the network and
signing, without the wire, in seconds of the processor.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import numpy as np
from figures import Report, arguments
from proof import digits, timed

from klopf import mind
from klopf.errors import NotProven
from klopf.ledger.keys import Key
from klopf.peers import Numbers, Task, values_of
from klopf.peers.tasks import Classes
from klopf.proof import model, sampling
from klopf.proof.neuron import bound

RATE, ANSWERS, SELDOM = 0.01, 100, 1e-4


def trained(x: Any, y: Any, hidden: int) -> model.Layers:
    learner = mind.Mind(x.shape[1], 10, hidden=(hidden,), learner="backprop", step_size=0.02, seed=0)
    for _ in range(5):
        learner.learn(x, y)
    return model.layers_of(learner)


def answered(task: Task, layers: model.Layers, x: Any) -> Any:
    sums = layers.run(np.rint(x * 4096).astype(np.int64))[0][-1] / 2.0**28
    if isinstance(task, Numbers):
        return sums
    raised = np.exp(sums - sums.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def lasted(task: Task, committed: model.Committed, signs: model.Layers, x: Any, run: int, limit: int) -> int:
    """The epoch in which it was caught; 0 for never."""
    rng = np.random.default_rng(run)
    name = bytes.fromhex(committed.card.identity)
    for epoch in range(1, limit + 1):
        asked = x[rng.integers(len(x), size=ANSWERS)]
        said = answered(task, signs, asked)
        signed = [q.tobytes() + repr(values_of(a)).encode() for q, a in zip(asked, said, strict=True)]
        beacon = hashlib.sha256(f"beacon {run} {epoch}".encode()).digest()
        for i in sampling.drawn(beacon, signed, RATE):
            again = model.Committed(committed.layers, bytes([run % 256] * 32), 1)  # each proof of a commitment anew
            answer, name = again.prove(asked[i]), bytes.fromhex(again.card.identity)
            try:
                bound(task, again.card, name, asked[i], said[i], answer)
            except NotProven:
                return epoch
    return 0


def main() -> None:
    options = arguments(__doc__).parse_args()
    count = 20 if options.quick else 100
    x, y = digits()
    y = y.astype(np.int64)
    good, cheap = (trained(x[:1400], y[:1400], hidden) for hidden in (32, 8))
    x = x[1400:]
    names = tuple(f"c{i}" for i in range(10))
    features = tuple(f"x{i}" for i in range(64))
    limit = sampling.epochs(RATE, ANSWERS)
    committed = model.Committed.of(good)
    committed.prove(x[0])  # compiles
    with Report(options.json) as report:
        report.figure("epochs within which a cheat is to be caught", limit, "epochs")
        for task in (Numbers(features, names, ("",) * 10), Classes(features, names)):
            title = f"answers that are {task.kind}"
            found = [lasted(task, committed, cheap, x, run, limit) for run in range(count)]
            report.figure(f"{title}: cheats caught in time", sum(map(bool, found)), f"of {count}", at_least=count)
            report.figure(f"{title}: latest epoch of a catch", max(found), "epochs", at_most=limit)
            honest = [lasted(task, committed, good, x, 1000 + run, limit) for run in range(count // 4)]
            report.figure(f"{title}: honest neurons caught", sum(map(bool, honest)), f"of {len(honest)}", at_most=0)
        key, start = Key(bytes(31) + b"\1"), time.process_time()
        for row in x[:300]:
            said = answered(Classes(features, names), good, row[None])
            key.sign(hashlib.sha256(repr(values_of(said[0])).encode()).digest())
        work = (time.process_time() - start) / 300
        report.figure("work of an answer, without the wire", 1000 * work, "ms")
        _, alone = timed(lambda: committed.prove(x[0]))
        _, many = timed(lambda: committed.prove(x[:64]))
        for rate in (RATE, SELDOM):
            what = f"proving, 1 answer in {1 / rate:,.0f} drawn"
            report.figure(f"{what}, each by itself", 100 * rate * alone / work, "% of the work", at_most=1)
            report.figure(f"{what}, 64 at once", 100 * rate * many / 64 / work, "% of the work", at_most=1)


if __name__ == "__main__":
    main()
