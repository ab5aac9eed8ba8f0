"""The demo's network over several seeds, against its best neuron and against a linear classifier on everybody's data.

    python bench/network.py                     # seeds 0-4
    python bench/network.py --seeds 1 --epochs 2

"linear" is an online logistic classifier with a constant step-size of 0.01, as many passes as the neurons have, and
everybody's data pooled. Adversaries: a free-rider and a liar among seven neurons, and one dishonest auditor of three.

    seed  network  best_neuron  linear  over best  over linear  bad pay %  bad seats  wronged  slashed
       0     96.9         72.1    96.4       24.8          0.6        0.0        0.0      0.0    360.0
       1     96.4         88.3    95.8        8.1          0.6        0.0        0.0      0.0    360.0
       2     95.8         90.3    96.4        5.6         -0.6        0.0        0.0      0.0    360.0
       3     95.0         71.3    95.8       23.7         -0.8        0.0        0.0      0.0    360.0
       4     94.7         86.4    93.6        8.4          1.1        0.0        0.0      0.0    360.0
    mean     95.8         81.7    95.6       14.1          0.2        0.0        0.0      0.0    360.0
    s.e.     0.42         4.11    0.52       4.17         0.37       0.00       0.00      0.00     0.00

So the network is 14.1 points above its best neuron, and as good as the pooled linear classifier within the error.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from figures import Report, arguments

from klopf.network import DEMO_PASSPHRASE, Summary, demo_settings, run


def row(seed: int, epochs: int) -> dict[str, float]:
    """One run's figures, in per cent and seconds."""
    with tempfile.TemporaryDirectory() as place:
        summary = run(demo_settings(seed, epochs), Path(place) / "run", DEMO_PASSPHRASE)
    accuracy = {name: 100 * (value or 0.0) for name, value in summary.scores.items()}
    return accuracy | {
        "over best": accuracy["network"] - accuracy["best_neuron"],
        "over linear": accuracy["network"] - accuracy["linear"],
        "bad pay %": 100 * _adversaries_part(summary),
        "bad seats": sum(n.standing == "backbone" and not n.honest for n in summary.neurons),
        "wronged": float(sum(a.slashed for a in summary.auditors if a.honest)),
        "slashed": float(sum(a.slashed for a in summary.auditors if not a.honest)),
        "seconds": summary.seconds,
    }


def _adversaries_part(summary: Summary) -> float:
    paid = sum(n.earned for n in summary.neurons)
    return float(sum(n.earned for n in summary.neurons if not n.honest) / paid) if paid else 0.0


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args()
    seeds = options.seeds or (1 if options.quick else 5)
    epochs = options.epochs or (3 if options.quick else 6)
    with Report(options.json) as report:
        rows = []
        for seed in range(seeds):
            rows.append(row(seed, epochs))
            if seed == 0:
                report.say("seed  " + "  ".join(f"{name:>11}" for name in rows[0]))
            report.say(
                f"{seed:>4}  " + "  ".join(f"{value:>{max(11, len(name))}.1f}" for name, value in rows[-1].items())
            )
        means = {name: statistics.mean(r[name] for r in rows) for name in rows[0]}
        report.say("mean  " + "  ".join(f"{v:>{max(11, len(n))}.1f}" for n, v in means.items()))
        if len(rows) > 1:
            spread = {n: statistics.stdev(r[n] for r in rows) / len(rows) ** 0.5 for n in means}
            report.say("s.e.  " + "  ".join(f"{v:>{max(11, len(n))}.2f}" for n, v in spread.items()))
        for name, mean in means.items():
            unit = "s" if name == "seconds" else "tokens" if name in ("wronged", "slashed") else "%"
            report.figure(name, mean, "seats" if name == "bad seats" else unit)
        report.figure("the network over its best neuron", means["over best"], "points", at_least=0)
        report.figure("all pay of a free-rider and a liar", means["bad pay %"], "%", at_most=5)
        report.figure("tokens taken from honest auditors", means["wronged"], "tokens", at_most=0)


if __name__ == "__main__":
    main()
