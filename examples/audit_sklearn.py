"""Audit a scikit-learn model: each figure comes with an interval and with what somebody has who knows nothing.

python examples/audit_sklearn.py
"""

import numpy as np

from klopf import audit, mind, peers


def main() -> None:
    X, y = mind.problems.digits()
    X = (X - X.mean(0)) / (X.std(0) + 0.01)  # robustness adds noise of half a standard deviation
    task = peers.Classes(tuple(f"pixel {i}" for i in range(64)), tuple("0123456789"))
    for name, settings in (("sklearn:GaussianNB", {}), ("sklearn:SGDClassifier", {"loss": "log_loss"})):
        model = peers.create_model(name, task, 0, settings)
        for _ in range(5):
            model.learn(X[:1200], y[:1200])
        print(name)
        for what, dimension in audit.audit_tasks(("accuracy", "robustness", "calibration"), task).items():
            questions = dimension.questions(X[1200:], np.random.default_rng(0))
            score = dimension.score(model.answer(questions), y[1200:])
            print(f"  {what:12} {score.value:.2f} [{score.low:.2f}, {score.high:.2f}]  control {score.control:.2f}")


if __name__ == "__main__":
    main()
