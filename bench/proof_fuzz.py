"""What no prover wrote, given to every verifier of proofs: each must refuse it in a line, or find it unchanged.

    python bench/proof_fuzz.py                # ten minutes
    python bench/proof_fuzz.py --quick        # twenty seconds
    python bench/proof_fuzz.py --minutes 60

Answers, answers of hidden inputs, training steps, cards, Sudokus and records: bits are turned, bytes cut out, put in,
doubled or replaced, proofs of two statements spliced, and bytes drawn at random. Minutes are the processor's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from figures import Report, arguments
from proof import PUZZLE

from klopf.errors import NotProven, ProofError
from klopf.proof import model, records, step, sudoku


def altered(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """``data``, changed once or several times; ``other`` is a proof of something else."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        at = rng.randrange(len(made) + 1)
        far = min(len(made), at + rng.choice((1, 4, 8, 32, 1000)))
        kind = rng.randrange(7)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del made[at:far]
        elif kind == 2:
            made[at:at] = rng.randbytes(far - at or 1)
        elif kind == 3:
            made[at:far] = rng.choice((bytes(far - at), b"\xff" * (far - at), rng.randbytes(far - at)))
        elif kind == 4:
            made[at:at] = made[at:far]
        elif kind == 5:
            made[at:] = other[at:]
        elif rng.random() < 0.05:
            made = bytearray(rng.randbytes(rng.randrange(2000)))
    return bytes(made)


Target = tuple[str, bytes, bytes, Callable[[bytes], object]]


def targets() -> list[Target]:
    """What is verified: its name, a proof that holds, one of something else, and who verifies."""
    rng = np.random.default_rng(0)
    sizes = (16, 8, 4)
    weights = [rng.normal(0, m**-0.5, (n, m)) for m, n in pairwise(sizes)]
    found: list[Target] = []
    for units in ("relu", "tanh"):
        layers = model.Layers.of(weights, [np.zeros(n) for n in sizes[1:]], units)
        made = model.Committed.of(layers, proofs=8)
        one, two, three = (made.prove(x).to_bytes() for x in (np.zeros(16), np.ones(16), np.zeros((3, 16))))
        hidden, shy = (model.Hidden(made.card, np.full(16, x)) for x in (0.5, 0.25))
        mine, theirs = (made.prove_hidden(one).to_bytes() for one in (hidden, shy))
        card = made.card.to_json().encode()

        def shown(said: bytes, card: model.Card = made.card) -> None:
            model.verify(card, model.Answer.parse(said))

        def kept(said: bytes, card: model.Card = made.card, root: bytes = hidden.root) -> None:
            model.verify(card, model.Answer.parse(said), root)

        found += [(f"answer, {units}", one, two, shown), (f"answers, {units}", three, one, shown),
                  (f"hidden, {units}", mine, theirs, kept),
                  (f"card, {units}", card, card[::-1], lambda said: model.Card.parse(said))]  # fmt: skip
    for units in step.UNITS:
        batch = step.Batch.of(rng.uniform(-1, 1, (8, 6)), rng.integers(0, 2, (8, 2)), units)
        start = step.Layer.of(rng.normal(size=(2, 6)), np.zeros(2))
        one, two = (batch.prove(start, rate).to_bytes() for rate in (0.5, 0.25))
        card = batch.card.to_json().encode()

        def stepped(said: bytes, card: step.Card = batch.card, start: step.Layer = start) -> None:
            step.verify(card, start, 0.5, step.Step.parse(said))

        found += [(f"step, {units}", one, two, stepped),
                  (f"card of a batch, {units}", card, card[::-1], lambda said: step.Card.parse(said))]  # fmt: skip
    solution = PUZZLE.solution()
    found.append(
        ("Sudoku", sudoku.prove(PUZZLE, solution), sudoku.prove(PUZZLE, solution), lambda s: sudoku.verify(PUZZLE, s))
    )
    declared = records.Declared([f"record {i}".encode() for i in range(100)])
    found.append(("record", declared.prove(b"record 1"), declared.prove(b"none"),
                  lambda said: records.check(declared.root, b"record 1", said)))  # fmt: skip
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the processor (default: 10)")
    options = parser.parse_args()
    until = time.process_time() + (20 if options.quick else 60 * options.minutes)
    rng, given, passed, crashed = random.Random(0), 0, 0, 0
    with Report(options.json) as report:
        everything = targets()
        while time.process_time() < until:
            name, proof, other, verifies = rng.choice(everything)
            said = altered(rng, proof, other)
            if said in (proof, other) or (name.startswith("card") and said.strip() == proof):
                continue
            given += 1
            try:
                verifies(said)
                if not name.startswith("card"):  # one of another network is a card, too
                    passed += 1
                    report.say(f"{name}: passed")
            except (NotProven, ProofError) as error:
                if "\n" in str(error):
                    crashed += 1
            except Exception as error:
                crashed += 1
                report.say(f"{name}: {type(error).__name__}: {error}")
        report.figure("altered and random bytes given to verifiers", given)
        report.figure("of these, proven", passed, at_most=0)
        report.figure("of these, a crash or more than one line", crashed, at_most=0)


if __name__ == "__main__":
    main()
