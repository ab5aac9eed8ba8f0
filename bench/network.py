"""The demo's network over several seeds, against its best neuron and against a linear classifier on everybody's data.

    python bench/network.py                     # seeds 0-4, about six minutes on two cores
    python bench/network.py --seeds 1 --epochs 2

"linear" is an online logistic classifier with a constant step-size of 0.01, as many passes as the neurons have, and
everybody's data pooled. Adversaries: a free-rider and a liar among seven neurons, and one dishonest auditor of three.

RESULTS
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from klopf.console.network.play import DEMO_PASSPHRASE, demo_settings, play
from klopf.console.network.story import Story


def row(seed: int, epochs: int) -> dict[str, float]:
    """One run's figures, in per cent and seconds."""
    with tempfile.TemporaryDirectory() as place:
        _, story = play(
            demo_settings(seed, epochs), Path(place) / "run", DEMO_PASSPHRASE, lambda _: None, lambda _: None
        )
    accuracy = {name: 100 * (value or 0.0) for name, value in story.accuracy.items()}
    return accuracy | {
        "above best": accuracy["network"] - accuracy["best_neuron"],
        "above linear": accuracy["network"] - accuracy["linear"],
        "adversaries' pay": 100 * _adversaries_part(story),
        "in the backbone": sum(n.standing == "backbone" and not n.honest for n in story.neurons),
        "honest slashed": float(sum(a.slashed for a in story.auditors if a.honest)),
        "dishonest slashed": float(sum(a.slashed for a in story.auditors if not a.honest)),
        "seconds": story.seconds,
    }


def _adversaries_part(story: Story) -> float:
    paid = sum(n.earned for n in story.neurons)
    return float(sum(n.earned for n in story.neurons if not n.honest) / paid) if paid else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    rows = []
    for seed in range(options.seeds):
        rows.append(row(seed, options.epochs))
        if seed == 0:
            print("seed  " + "  ".join(f"{name:>12}" for name in rows[0]))
        print(
            f"{seed:>4}  " + "  ".join(f"{value:>{max(12, len(name))}.1f}" for name, value in rows[-1].items()),
            flush=True,
        )
    columns = {name: [r[name] for r in rows] for name in rows[0]}
    print("mean  " + "  ".join(f"{statistics.mean(v):>{max(12, len(n))}.1f}" for n, v in columns.items()))
    if len(rows) > 1:
        spread = {n: statistics.stdev(v) / len(v) ** 0.5 for n, v in columns.items()}
        print("s.e.  " + "  ".join(f"{v:>{max(12, len(n))}.2f}" for n, v in spread.items()))


if __name__ == "__main__":
    main()
