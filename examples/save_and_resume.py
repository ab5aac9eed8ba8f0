"""A life that is interrupted goes on to the bit: what was saved and loaded learns exactly what the other does.

python examples/save_and_resume.py
"""

import tempfile
from pathlib import Path

from klopf import mind


def main() -> None:
    X, y = mind.problems.slowly_changing_regression(20_000, seed=1).whole()
    whole = mind.Mind(X.shape[1], 1, output="linear", seed=0)
    whole.learn(X, y)

    first = mind.Mind(X.shape[1], 1, output="linear", seed=0)
    first.learn(X[:7_000], y[:7_000])
    with tempfile.TemporaryDirectory() as folder:
        first.save(Path(folder) / "half.mind")
        second = mind.Mind.load(Path(folder) / "half.mind")
    second.learn(X[7_000:], y[7_000:])

    print(f"in one go   {whole.commitment().hex()}")
    print(f"interrupted {second.commitment().hex()}")
    print("the same to the bit" if whole.commitment() == second.commitment() else "they differ")


if __name__ == "__main__":
    main()
