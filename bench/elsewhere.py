"""What ML Privacy Meter or giskard says of the models of ``audit_peers.py``, in an environment of its own.

    python bench/elsewhere.py privacy-meter SEED    # pip install privacy-meter scikit-learn scipy
    python bench/elsewhere.py giskard SEED          # pip install "giskard<3"

Neither can be installed beside Klopf: giskard 2 holds NumPy at 1.26 and SciPy at 1.11. So this file imports nothing of
Klopf; ``audit_peers.py --giskard PYTHON --privacy-meter PYTHON`` calls it and reads one line of JSON. Both environments
fit the same models to the same samples by the same seeds.

ML Privacy Meter 1.0.1 imports TensorFlow, PyTorch and Opacus for adapters that a model of scikit-learn does not need;
empty modules stand in their place here. Its population attack is given the losses of members, of others, and of a third
sample from which it takes its thresholds; nothing of it is changed.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

warnings.filterwarnings("ignore")


def stage(seed: int) -> tuple[Any, ...]:
    """Samples in units of their spread, right answers, a fifth of the labels of the first half wrong, who is of which
    group, and the names of the columns."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(found.target))
    x = (found.data / found.data.std(axis=0)).astype(np.float32)[order]
    y = found.target[order].astype(np.int64)
    half = len(x) // 2
    noisy = np.where(rng.random(half) < 0.2, 1 - y[:half], y[:half])
    groups = np.where(x[half:, 1] > np.median(x[:, 1]), "rough", "smooth")
    return x, y, noisy, groups, found.feature_names, found.target_names


def models(seed: int) -> Iterator[tuple[str, Any]]:
    """The models, not fitted yet."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    yield "linear", LogisticRegression(C=0.05, max_iter=500)
    yield "forest, pruned", RandomForestClassifier(60, max_depth=4, min_samples_leaf=8, random_state=seed)
    yield "trees that recite", ExtraTreesClassifier(60, random_state=seed)


def by_privacy_meter(seed: int) -> dict[str, float]:
    """By model, the area under the curve of the population attack."""
    for name in ("scipy.stats", "sklearn.linear_model", "sklearn.metrics"):
        importlib.import_module(name)  # before they could take the stand-ins for the real ones
    for name in ("tensorflow", "torch", "opacus"):
        sys.modules[name] = types.ModuleType(name)
    vars(sys.modules["opacus"])["GradSampleModule"] = object
    from privacy_meter.dataset import Dataset
    from privacy_meter.hypothesis_test import linear_itp_threshold_func
    from privacy_meter.information_source import InformationSource
    from privacy_meter.information_source_signal import ModelLoss
    from privacy_meter.metric import PopulationMetric
    from privacy_meter.model import Model

    for name in ("tensorflow", "torch", "opacus"):
        del sys.modules[name]

    class Fitted(Model):  # type: ignore[misc]
        def get_logits(self, batch_samples: Any) -> Any:
            return self.model_obj.predict_proba(batch_samples)

        def get_loss(self, batch_samples: Any, batch_labels: Any, per_point: bool = True) -> Any:
            p = self.model_obj.predict_proba(batch_samples)[np.arange(len(batch_labels)), batch_labels]
            return -np.log(np.clip(p, 1e-6, 1))

        def get_grad(self, batch_samples: Any, batch_labels: Any) -> Any:
            raise NotImplementedError

        def get_intermediate_outputs(self, layers: Any, batch_samples: Any, forward_pass: bool = True) -> Any:
            raise NotImplementedError

    x, y, noisy, *_ = stage(seed)
    half, found = len(noisy), {}
    split = half + (len(x) - half) // 2

    def part(inputs: Any, targets: Any) -> dict[str, Any]:
        return {"x": inputs, "y": targets}

    for name, model in models(seed):
        fitted = Fitted(model.fit(x[:half], noisy), None)
        target = Dataset({"train": part(x[:half], noisy), "test": part(x[half:split], y[half:split])}, "x", "y")
        population = Dataset({"train": part(x[split:], y[split:])}, "x", "y")
        with contextlib.redirect_stdout(sys.stderr):
            metric = PopulationMetric(
                InformationSource([fitted], [target]), InformationSource([fitted], [population]), [ModelLoss()],
                linear_itp_threshold_func,
            )  # fmt: skip
            metric.prepare_metric()
            found[name] = float(metric.run_metric()[0].roc_auc)
    return found


def by_giskard(seed: int) -> dict[str, list[str]]:
    """By model, what its scan says is wrong: the kind of issue, and the part of the data where it is."""
    import logging

    import giskard
    import pandas as pd

    logging.disable(logging.INFO)

    x, y, noisy, groups, columns, classes = stage(seed)
    half, found = len(noisy), {}
    names = [str(one) for one in columns]
    frame = pd.DataFrame(x[half:], columns=names)
    frame["texture is"], frame["kind"] = groups, [str(classes[one]) for one in y[half:]]
    kinds = {**dict.fromkeys(names, "numeric"), "texture is": "category"}
    data = giskard.Dataset(frame, target="kind", column_types=kinds, name="held out")
    for name, model in models(seed):
        fitted = model.fit(x[:half], noisy)
        wrapped = giskard.Model(
            lambda z, fitted=fitted: fitted.predict_proba(z[names].to_numpy(np.float32)), "classification", name=name,
            classification_labels=[str(one) for one in classes], feature_names=[*names, "texture is"],
        )  # fmt: skip
        with contextlib.redirect_stdout(sys.stderr):
            report = giskard.scan(wrapped, data, only=["performance", "overconfidence"], verbose=False)
        found[name] = [f"{issue.group.name}: {issue.slicing_fn}" for issue in report.issues]
    return found


if __name__ == "__main__":
    print(json.dumps({"privacy-meter": by_privacy_meter, "giskard": by_giskard}[sys.argv[1]](int(sys.argv[2]))))
