"""A mind learns from a CSV file, a row at a time, and forgets each row once it has learned from it.

    python examples/csv_stream.py [FILE]

The last column is what to predict. Without a file it makes one: a day of a room's temperature, whose heating is
replaced at noon, so that what was true in the morning is false in the afternoon.
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np

from klopf import mind


def make(file: Path, rows: int = 4000) -> None:
    """Outside, wind and heating, and the temperature that comes of them; the heating's effect turns at the middle."""
    r = np.random.default_rng(0)
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["outside", "wind", "heating", "temperature"])
        for row in range(rows):
            outside, wind, heating = r.normal(size=3)
            effect = 0.8 if row < rows // 2 else -0.8
            table.writerow([outside, wind, heating, np.tanh(0.5 * outside - 0.3 * wind) + effect * heating])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "room.csv"
        if len(sys.argv) < 2:
            make(file)
        learner, errors = None, []
        with file.open(newline="") as lines:
            rows = csv.reader(lines)
            names = next(rows)
            for row in rows:
                *inputs, target = map(float, row)
                if learner is None:
                    learner = mind.Mind(len(inputs), 1, hidden=(16,), output="linear", seed=0)
                errors.append((learner.predict_one(np.array(inputs)) - target) ** 2)
                learner.learn_one(np.array(inputs), target)
    tenths = [float(np.mean(part)) for part in np.array_split(errors, 10)]
    print(f"{len(errors)} rows; squared error of {names[-1]}, by tenths of the file:")
    print(" ".join(f"{value:.3f}" for value in tenths))


if __name__ == "__main__":
    main()
