"""The desk beside its peers, on the same models and samples: fairlearn, and the Adversarial Robustness Toolbox (ART).

    pip install fairlearn adversarial-robustness-toolbox
    python bench/audit_peers.py             # 5 seeds
    python bench/audit_peers.py --quick     # 2 seeds
    python bench/audit_peers.py --privacy-meter PYTHON --giskard PYTHON    # interpreters that have these (elsewhere.py)

Three questions that both sides ask: the gap between groups (fairlearn), who was in the training data (ART: whoever
is answered right), and whether a small change leads a model astray (ART's HopSkipJump, which looks for the smallest
change; here, whether it finds one within three quarters of a spread). The last holds where the desk finds at least as
much as ART, within its interval and what ART's few samples leave open. ML Privacy Meter's population attack is asked
about the same members; giskard's scan, which parts of the data a model is worse or too sure in.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from elsewhere import models, stage

from klopf.audit.desk import Case, Subject, examine
from klopf.peers import Classes, Model

warnings.filterwarnings("ignore")

_ASTRAY = 24
"""Samples that HopSkipJump is tried on: it asks thousands of questions for each."""


class _Model(Model):
    learns = False

    def __init__(self, task: Classes, fitted: Any) -> None:
        self.task, self._fitted = task, fitted

    @classmethod
    def create(cls, task: Any, seed: int, settings: Any) -> Any:
        raise NotImplementedError

    def learn(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        raise NotImplementedError

    def answer(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(self._fitted.predict_proba(inputs), np.float32)

    def commitment(self) -> bytes:
        return bytes(32)

    def save(self, folder: Any) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Any, task: Any) -> Any:
        raise NotImplementedError


def _compared(seed: int) -> list[dict[str, Any]]:
    """For each model: what the desk says, and what the peer says."""
    from art.attacks.evasion import HopSkipJump
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBoxRuleBased
    from art.estimators.classification import BlackBoxClassifier
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score, recall_score

    x, y, noisy, groups, columns, classes = stage(seed)
    half = len(noisy)
    task = Classes(tuple(map(str, columns)), tuple(map(str, classes)))
    case = Case(task, x[half:], y[half:], {"texture": groups}, members=(x[:half], noisy))
    rows = []
    for name, model in models(seed):
        fitted = model.fit(x[:half], noisy)
        card = examine(
            Subject(name, task, _Model(task, fitted)), case, ["fairness", "privacy", "brittleness"], seed=seed
        )
        own = {one.task: one for one in card.findings}
        said = fitted.predict(x[half:])
        rates = {"accuracy": accuracy_score, "true": recall_score, "false": lambda a, b: recall_score(1 - a, 1 - b)}
        frame = MetricFrame(metrics=rates, y_true=y[half:], y_pred=said, sensitive_features=groups)
        box = BlackBoxClassifier(lambda z, fitted=fitted: fitted.predict_proba(z), (x.shape[1],), 2)
        rule = MembershipInferenceBlackBoxRuleBased(box)
        flagged = [float(rule.infer(a, b).mean()) for a, b in ((x[:half], noisy), (x[half:], y[half:]))]
        right = np.flatnonzero(said == y[half:])[:_ASTRAY]
        attack = HopSkipJump(box, norm=2, max_iter=8, max_eval=400, init_eval=40, verbose=False)
        moved = attack.generate(x[half:][right])
        far = np.linalg.norm((moved - x[half:][right]) / case.spread, axis=1)
        far = np.where(fitted.predict(moved) == y[half:][right], np.inf, far)
        rows.append({
            "model": name, "gap": 1 - own["fairness"].value, "fairlearn": float(frame.difference().max()),
            "leak": 1 - own["privacy"].value, "ART, members": flagged[0], "ART, others": flagged[1],
            "stays right": own["brittleness"].value, "low": own["brittleness"].low,
            "stays right, ART": float((far > 0.75).mean()),
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    for peer in PEERS:
        parser.add_argument(f"--{peer}", help=f"an interpreter that has {peer}")
    options = parser.parse_args()
    try:
        import art  # noqa: F401
        import fairlearn  # noqa: F401
    except ImportError as error:
        print(
            f"skipped: {error.name} is not installed (pip install fairlearn adversarial-robustness-toolbox)",
            file=sys.stderr,
        )
        return
    seeds = 2 if options.quick else 5
    rows = [row for seed in range(seeds) for row in _compared(seed)]
    results = []
    for name in dict.fromkeys(row["model"] for row in rows):
        of = [row for row in rows if row["model"] == name]
        mean = {key: float(np.mean([row[key] for row in of])) for key in of[0] if key != "model"}
        rule = f"ART's rule flags {mean['ART, members']:.2f} of them, {mean['ART, others']:.2f} of others"
        results += [
            _row(f"{name}: gap beyond chance (fairlearn's, with chance: {mean['fairlearn']:.3f})", mean["gap"], "rate",
                 all(row["gap"] <= row["fairlearn"] + 1e-9 for row in of)),
            _row(f"{name}: advantage of guessing members ({rule})", mean["leak"], "of 1", True),
            _row(f"{name}: stays right within .75 spreads (ART's: {mean['stays right, ART']:.2f})", mean["stays right"],
                 "of samples", all(row["low"] <= row["stays right, ART"] + 0.1 for row in of)),
        ]  # fmt: skip
    results += _elsewhere(options, seeds)
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for one in results:
        print(f"{one['what']:105s}{one['measured']:>7} {one['unit']:12s}{'' if one['holds'] else 'NO'}")


def _elsewhere(options: argparse.Namespace, seeds: int) -> list[dict[str, Any]]:
    """What peers say that cannot be installed beside Klopf, where an interpreter that has them is named."""
    results = []
    for peer, (what, unit) in PEERS.items():
        python = getattr(options, peer.replace("-", "_"))
        if python is None:
            continue
        place = Path(__file__).with_name("elsewhere.py")
        said = [json.loads(subprocess.run([python, place, peer, str(seed)], capture_output=True, check=True).stdout)
                for seed in range(seeds)]  # fmt: skip
        for name in said[0]:
            found = [one[name] if isinstance(one[name], float) else len(one[name]) for one in said]
            results.append(_row(f"{name}: {what}", float(np.mean(found)), unit, True))
    return results


PEERS = {
    "privacy-meter": ("area under the curve of ML Privacy Meter's population attack", "of 1"),
    "giskard": ("parts of the data in which giskard's scan finds it worse, or too sure", "parts"),
}


def _row(what: str, measured: float, unit: str, holds: bool) -> dict[str, Any]:
    return {"what": what, "asked": None, "measured": round(measured, 3), "unit": unit, "holds": holds}


if __name__ == "__main__":
    main()
