"""Proofs: what they cost, what a cheat gets, and whether a simulator can be told from a prover.

    python bench/proof.py                                # 10,000 altered proofs, 10,000 honest ones: three hours
    python bench/proof.py --quick                        # 40 of each, in less than two minutes
    python bench/proof.py --only networks                # one part: sudoku, cheats, judge, networks or steps
    python bench/proof.py --only sudoku --kept done.txt  # what was done is kept, and not done again

Times are the processor's. A forger's success is that of ten rounds, where it can be seen, against the computed bound;
the plain form is a commitment to each cell, 28 challenges drawn evenly, and every commitment sent. Networks: learners
of handwritten digits (64-32-10) and, where ../shared has its images, of MNIST (784-100-10). ezkl 23 was measured at
another time, on two cores: 2,410 numbers in 5.3 s with 365 MB and 3,072 bytes; a tenth of its time is asked for.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import random
import resource
import secrets
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from figures import Kept, Report, arguments

from klopf import mind
from klopf.errors import NotProven
from klopf.proof import model, step, sudoku

PUZZLE = sudoku.Puzzle.parse(
    "53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79"
)
ROUNDS = 10


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    return call(), time.process_time() - start


def plain(solution: sudoku.Puzzle) -> int:
    """Bytes of the plain form, whose commitments are made as well, so that its time is seen beside ours."""
    size = 0
    for _ in range(sudoku.rounds(128, Fraction(1, 28))):
        names = random.sample(range(1, 10), 9)
        keys = [secrets.token_bytes(16) for _ in range(81)]
        covers = [hashlib.sha256(k + bytes([names[n - 1]])).digest() for k, n in zip(keys, solution.cells, strict=True)]
        size += sum(map(len, covers)) + 9 * 17
    return size


def accepted(puzzle: sudoku.Puzzle, proof: bytes) -> bool:
    try:
        sudoku.verify(puzzle, proof)
    except NotProven:
        return False
    return True


def costs(report: Report, solution: sudoku.Puzzle) -> None:
    proof, took = timed(lambda: sudoku.prove(PUZZLE, solution))
    _, checked = timed(lambda: sudoku.verify(PUZZLE, proof))
    size, before = timed(lambda: plain(solution))
    report.say(f"plain form: {size:,} bytes, {before:.2f} s; ours: {len(proof):,} bytes, {took:.2f} s")
    report.figure("Sudoku, 128 bits: proving", took, "s", at_most=1)
    report.figure("Sudoku, 128 bits: verifying", checked, "s")
    report.figure("Sudoku, 128 bits: size", len(proof), "bytes", at_most=1_000_000)
    report.figure("Sudoku, 128 bits: size of the plain form", size, "bytes")


def forgeries(report: Report, solution: sudoku.Puzzle, count: int, kept: Kept) -> None:
    """Altered proofs and honest ones, in batches, each drawn from its number."""
    batch = min(100, count)
    refused = honest = 0
    for number in range(count // batch):
        found = kept.get(f"Sudokus {number} of {batch}", lambda at=number: list(some(at, solution, batch)))
        refused, honest = refused + found[0], honest + found[1]
    report.figure(f"Sudoku: altered proofs refused, of {count:,}", refused / count, "share", at_least=1)
    report.figure(f"Sudoku: honest proofs accepted, of {count:,}", honest / count, "share", at_least=1)


def some(number: int, solution: sudoku.Puzzle, batch: int) -> tuple[int, int]:
    """How many were refused of those in which one bit was turned, and accepted of the honest ones."""
    rng = random.Random(number)
    refused = honest = 0
    for _ in range(batch):
        proof = sudoku.prove(PUZZLE, solution, seed=rng.randbytes(32))
        at, bit = rng.randrange(len(proof)), 1 << rng.randrange(8)
        refused += not accepted(PUZZLE, proof[:at] + bytes([proof[at] ^ bit]) + proof[at + 1 :])
        honest += accepted(PUZZLE, proof)
    return refused, honest


def cheats(report: Report, solution: sudoku.Puzzle, games: int) -> None:
    """Each game ten rounds with fresh covers; the classroom's form asks for rows and columns alone."""
    rng = random.Random(1)
    bound = (1 - float(sudoku.CAUGHT)) ** ROUNDS
    for name, forge in (
        ("two cells exchanged", lambda: sudoku.nearly(PUZZLE, solution, rng)),
        ("another's solution", lambda: sudoku.another(rng)),
    ):
        won = sum(game(forge(), sudoku.DRAWN, rng) for _ in range(games)) / games
        error = (bound * (1 - bound) / games) ** 0.5
        report.say(f"{name}: passes {ROUNDS} rounds in {won:.4f} of games, computed {bound:.4f} ± {error:.4f}")
        report.figure(f"a cheat with {name}, above its bound", (won - bound) / error, "standard errors", at_most=4)
    won = sum(game(sudoku.latin(rng), range(18), rng) for _ in range(games)) / games
    report.figure("rows and columns alone: a cheat passes", won, "share", at_least=1)


def game(grid: sudoku.Puzzle, drawn: Any, rng: random.Random) -> bool:
    for _ in range(ROUNDS):
        prover, challenge = sudoku.Prover(PUZZLE, grid, rng.randbytes(32)), rng.choice(drawn)
        try:
            sudoku.check(PUZZLE, prover.root, challenge, prover.open(challenge))
        except NotProven:
            return False
    return True


def told_apart(report: Report, solution: sudoku.Puzzle, count: int) -> None:
    """A learner hears half of the transcripts, and says of the others which are a prover's."""
    rng = random.Random(2)
    rows = np.zeros((count, sudoku.KINDS + 729 + 320), np.float32)
    labels = np.arange(count) % 2
    for i in range(count):
        challenge = rng.choice(sudoku.DRAWN)
        if labels[i]:
            root, opening = sudoku.simulate(PUZZLE, challenge, rng)
        else:
            prover = sudoku.Prover(PUZZLE, solution, rng.randbytes(32))
            root, opening = prover.root, prover.open(challenge)
        colours = sudoku.check(PUZZLE, root, challenge, opening)
        rows[i, challenge] = 1
        rows[i, sudoku.KINDS + 9 * np.array(PUZZLE.of(challenge)) + np.array(colours) - 1] = 1
        rest = root[:8] + opening[len(colours) :][:16] + opening[-16:]
        rows[i, -320:] = np.unpackbits(np.frombuffer(rest, np.uint8))
    half = count // 2
    best = 0.0
    for learner in ("backprop", "linear"):
        judge = mind.Mind(rows.shape[1], 2, hidden=(64,), learner=learner, seed=0)
        for _ in range(3):
            judge.learn(rows[:half], labels[:half])
        best = max(best, float((judge.predict_proba(rows[half:]).argmax(1) == labels[half:]).mean()))
    asked = max(0.51, 0.5 + 3 * 0.5 / half**0.5)
    report.say(f"with {half:,} transcripts, three standard errors of guessing are {1.5 / half**0.5:.4f}")
    report.figure("prover or simulator: a trained judge is right", best, "share", at_most=asked)


def digits() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    held = load_digits()
    return held.data / 16.0, held.target


def mnist() -> tuple[Any, Any] | None:
    """The 10,000 images for tests, where the folder of shared data has them."""
    folder = Path(__file__).parents[2] / "shared/data/mnist-10k"
    if not folder.exists():
        return None
    images, labels = (gzip.decompress((folder / f"t10k-{name}.gz").read_bytes()) for name in
                      ("images-idx3-ubyte", "labels-idx1-ubyte"))  # fmt: skip
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784) / 255.0, np.frombuffer(
        labels, np.uint8, offset=8
    )


def answers(report: Report, name: str, data: tuple[Any, Any], hidden: int, altered: int) -> None:
    """A learner of four fifths of the data, committed; the rest is answered in floats and in whole numbers."""
    x, y = data
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order].astype(np.int64)
    cut = len(x) * 4 // 5
    learner = mind.Mind(x.shape[1], 10, hidden=(hidden,), learner="backprop", step_size=0.02, seed=0)
    for _ in range(5):
        learner.learn(x[:cut], y[:cut])
    layers = model.layers_of(learner)
    sums, _ = layers.run(np.rint(x[cut:] * 4096).astype(np.int64))
    exact = float((sums[-1].argmax(1) == y[cut:]).mean())
    floats = float((learner.predict_proba(x[cut:]).argmax(1) == y[cut:]).mean())
    model.Committed.of(layers).prove(x[0])  # compiles
    committed, setup = timed(lambda: model.Committed.of(layers))
    times = [timed(lambda: committed.prove(x[cut])) for _ in range(4)]
    answer = times[0][0]
    took = sorted(time for _, time in times)[1]
    _, checked = timed(lambda: model.verify(committed.card, answer))
    title = f"{name}, {committed.card.circuit.model:,} numbers"
    report.figure(f"{title}: setup", setup, "s")
    report.figure(f"{title}: proving", took, "s", at_most=0.53 if hidden == 32 else None)
    report.figure(f"{title}: verifying", checked, "s")
    report.figure(f"{title}: size of a proof", len(answer.proof), "bytes")
    report.figure(
        f"{title}: memory of the whole process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB"
    )
    report.figure(f"{title}: accuracy of floats", 100 * floats, "%")
    report.figure(f"{title}: accuracy less that of floats", 100 * abs(exact - floats), "points", at_most=0.2)
    refused = sum(not holds(*one) for one in alterations(committed, answer, altered))
    report.figure(
        f"{title}: of {altered:,} altered proofs, inputs, answers and networks, refused",
        refused / altered,
        "share",
        at_least=1,
    )
    others(report, title, layers, committed, x[cut:], altered // 50)


def others(report: Report, title: str, layers: model.Layers, committed: model.Committed, x: Any, count: int) -> None:
    """Networks that differ in one weight, by the least that a weight can: their proofs, under the first one's card."""
    rng = np.random.default_rng(2)
    passed = own = 0
    for i in range(count):
        weights = [one.copy() for one in layers.weights]
        one = weights[int(rng.integers(len(weights)))]
        one[tuple(rng.integers(one.shape))] += rng.choice([-1, 1])
        other = model.Committed.of(dataclasses.replace(layers, weights=tuple(weights)))
        answer = other.prove(x[i % len(x)])
        own += holds(other.card, answer)
        passed += holds(committed.card, answer)
    report.figure(
        f"{title}: of {count} proofs of another network, under its own card", own / count, "share", at_least=1
    )
    report.figure(f"{title}: the same, under this network's card", passed / count, "share", at_most=0)


def alterations(
    committed: model.Committed, answer: model.Answer, count: int
) -> Iterator[tuple[model.Card, model.Answer]]:
    rng = np.random.default_rng(1)
    for i in range(count):
        inputs, sums, proof, card = answer.inputs.copy(), answer.sums.copy(), bytearray(answer.proof), committed.card
        if i % 4 == 0:
            proof[int(rng.integers(len(proof)))] ^= 1 << int(rng.integers(8))
        elif i % 4 == 1:
            inputs[int(rng.integers(len(inputs)))] += int(rng.choice([-1, 1]))
        elif i % 4 == 2:
            sums[int(rng.integers(len(sums)))] += int(rng.choice([-1, 1, 1 << 28]))
        else:
            root = bytearray(card.root)
            root[int(rng.integers(32))] ^= 1 << int(rng.integers(8))
            card = dataclasses.replace(card, root=bytes(root))
        yield card, model.Answer(inputs, sums, bytes(proof))


def holds(card: model.Card, answer: model.Answer) -> bool:
    try:
        model.verify(card, answer)
    except NotProven:
        return False
    return True


def steps(report: Report, name: str, data: tuple[Any, Any], samples: int, altered: int) -> None:
    """Steps of a layer of ten sigmoid units: what one costs, and what whole numbers lose in a pass over the data."""
    x, y = data
    order = np.random.default_rng(0).permutation(len(x))
    x, wanted, y = x[order], np.eye(10)[y[order].astype(np.int64)], y[order]
    start = step.Layer.of(np.zeros((10, x.shape[1])), np.zeros(10))
    step.Batch.of(x[:8], wanted[:8], "sigmoid").prove(start, 1.0)  # compiles
    batch, commits = timed(lambda: step.Batch.of(x[:samples], wanted[:samples], "sigmoid", proofs=8))
    made, took = timed(lambda: batch.prove(start, 1.0))
    _, checked = timed(lambda: step.verify(batch.card, start, 1.0, made))
    _, plainly = timed(lambda: [descended(start.floats, x[:samples], wanted[:samples]) for _ in range(100)])
    title = f"a step of {name}, {x.shape[1]}-10, {samples} samples"
    report.figure(f"{title}: committing the batch", commits, "s")
    report.figure(f"{title}: proving", took, "s")
    report.figure(f"{title}: proving / the step itself in floats", took / (plainly / 100), "times")
    report.figure(f"{title}: verifying", checked, "s")
    report.figure(f"{title}: size of a proof", len(made.proof), "bytes")
    report.figure(
        f"{title}: memory of the whole process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB"
    )
    refused = sum(not stands(*one) for one in other_steps(batch, start, made, altered))
    report.figure(
        f"{title}: of {altered:,} altered proofs, ends, starts, rates and batches, refused",
        refused / altered,
        "share",
        at_least=1,
    )
    floats, whole = start.floats, start
    cut = len(x) * 4 // 5
    for at in range(0, cut - samples + 1, samples):
        part, targets = x[at : at + samples], wanted[at : at + samples]
        floats = descended(floats, part, targets)
        whole = step.Batch.of(part, targets, "sigmoid").step(whole, 1.0)
    right = [float(((x[cut:] @ w.T + b).argmax(1) == y[cut:]).mean()) for w, b in (floats, whole.floats)]
    report.figure(f"{title}: accuracy of floats after a pass", 100 * right[0], "%")
    report.figure(f"{title}: accuracy less that of floats", 100 * abs(right[1] - right[0]), "points", at_most=0.2)
    report.figure(
        f"{title}: furthest that a weight is from that of floats", float(abs(floats[0] - whole.floats[0]).max())
    )


def descended(layer: tuple[Any, Any], x: Any, y: Any) -> tuple[Any, Any]:
    w, b = layer
    off = 1 / (1 + np.exp(-(x @ w.T + b))) - y
    return w - off.T @ x / len(x), b - off.mean(0)


Given = tuple[step.Card, step.Layer, float, step.Step]


def other_steps(batch: step.Batch, start: step.Layer, made: step.Step, count: int) -> Iterator[Given]:
    rng = np.random.default_rng(3)

    def moved(layer: step.Layer) -> step.Layer:
        weights = layer.weights.copy()
        weights[tuple(rng.integers(weights.shape))] += int(rng.choice([-1, 1]))
        return step.Layer(weights, layer.biases)

    for i in range(count):
        card, begin, rate, proof, end = batch.card, start, 1.0, bytearray(made.proof), made.end
        if i % 5 == 0:
            proof[int(rng.integers(len(proof)))] ^= 1 << int(rng.integers(8))
        elif i % 5 == 1:
            end = moved(end)
        elif i % 5 == 2:
            begin = moved(begin)
        elif i % 5 == 3:
            rate += int(rng.choice([-1, 1])) * card.samples / 65536
        else:
            root = bytearray(card.root)
            root[int(rng.integers(32))] ^= 1 << int(rng.integers(8))
            card = dataclasses.replace(card, root=bytes(root))
        yield card, begin, rate, step.Step(end, bytes(proof))


def stands(card: step.Card, start: step.Layer, rate: float, made: step.Step) -> bool:
    try:
        step.verify(card, start, rate, made)
    except NotProven:
        return False
    return True


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", choices=("sudoku", "cheats", "judge", "networks", "steps"), help="one part of these")
    parser.add_argument("--kept", type=Path, help="a file of what was done already, to go on from (Sudokus)")
    options = parser.parse_args()
    solution, quick = PUZZLE.solution(), options.quick

    def asked(part: str) -> bool:
        return options.only in (None, part)

    with Report(options.json) as report:
        if asked("sudoku"):
            costs(report, solution)
            forgeries(report, solution, 40 if quick else 10_000, Kept(options.kept))
        if asked("cheats"):
            cheats(report, solution, 1000 if quick else 10_000)
        if asked("judge"):
            told_apart(report, solution, 8_000 if quick else 60_000)
        if asked("networks"):
            answers(report, "digits 64-32-10", digits(), 32, 100 if quick else 1000)
            if images := mnist():
                answers(report, "MNIST 784-100-10", images, 100, 20 if quick else 1000)
        if asked("steps"):
            steps(report, "digits", digits(), 32, 20 if quick else 500)
            if not quick and (images := mnist()):
                steps(report, "MNIST", images, 32, 50)


if __name__ == "__main__":
    main()
