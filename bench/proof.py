"""Proofs: what they cost, what a cheat gets, and whether a simulator can be told from a prover.

    python bench/proof.py           # 10,000 altered proofs, 10,000 honest ones: three hours
    python bench/proof.py --quick   # 40 of each

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
from figures import Report, arguments

from klopf import mind
from klopf.errors import NotProven
from klopf.proof import model, sudoku

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


def costs(report: Report, solution: sudoku.Puzzle) -> bytes:
    proof, took = timed(lambda: sudoku.prove(PUZZLE, solution))
    _, checked = timed(lambda: sudoku.verify(PUZZLE, proof))
    size, before = timed(lambda: plain(solution))
    report.say(f"plain form: {size:,} bytes, {before:.2f} s; ours: {len(proof):,} bytes, {took:.2f} s")
    report.figure("Sudoku, 128 bits: proving", took, "s", at_most=1)
    report.figure("Sudoku, 128 bits: verifying", checked, "s")
    report.figure("Sudoku, 128 bits: size", len(proof), "bytes", at_most=1_000_000)
    report.figure("Sudoku, 128 bits: size of the plain form", size, "bytes")
    return bytes(proof)


def forgeries(report: Report, solution: sudoku.Puzzle, proof: bytes, count: int) -> None:
    rng = random.Random(0)
    refused = honest = 0
    for _ in range(count):
        at, bit = rng.randrange(len(proof)), 1 << rng.randrange(8)
        refused += not accepted(PUZZLE, proof[:at] + bytes([proof[at] ^ bit]) + proof[at + 1 :])
        honest += accepted(PUZZLE, sudoku.prove(PUZZLE, solution))
    report.figure(f"Sudoku: altered proofs refused, of {count:,}", refused / count, "share", at_least=1)
    report.figure(f"Sudoku: honest proofs accepted, of {count:,}", honest / count, "share", at_least=1)


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
    kept = sum(not holds(*one) for one in alterations(committed, answer, altered))
    report.figure(f"{title}: altered proofs, inputs, answers and networks refused", kept / altered, "share", at_least=1)


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


def main() -> None:
    options = arguments(__doc__).parse_args()
    solution = PUZZLE.solution()
    with Report(options.json) as report:
        proof = costs(report, solution)
        forgeries(report, solution, proof, 40 if options.quick else 10_000)
        cheats(report, solution, 1000 if options.quick else 10_000)
        told_apart(report, solution, 8_000 if options.quick else 60_000)
        answers(report, "digits 64-32-10", digits(), 32, 100 if options.quick else 1000)
        if images := mnist():
            answers(report, "MNIST 784-100-10", images, 100, 20 if options.quick else 1000)


if __name__ == "__main__":
    main()
