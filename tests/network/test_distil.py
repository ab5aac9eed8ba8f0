"""A requester's own model: taught what was bought, examined, kept, and asked without anybody."""

import numpy as np
import pytest

from klopf import network
from klopf.errors import ExtensionError, PeersError

ROWS = 120


@pytest.fixture
def schema(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{x:.4f},{y:.4f},{'up' if x > 0 else 'down'}" for x, y in rng.standard_normal((ROWS, 2))]
    (tmp_path / "all.csv").write_text("x,y,kind\n" + "\n".join(lines) + "\n")
    return network.Schema.of(tmp_path / "all.csv", network.DataSettings(target="kind"))


def bought(schema, tmp_path):
    samples = schema.samples(tmp_path / "all.csv")
    names = list(schema.made_task.names)
    up = (samples.targets == names.index("up")).astype(np.float64)[:, None] * 0.9 + 0.05
    columns = [up if name == "up" else 1 - up for name in names]
    return samples, np.concatenate(columns, axis=1).astype(np.float32)


def test_it_learns_on_and_answers_alone(schema, tmp_path):
    samples, answers = bought(schema, tmp_path)
    none = {"inputs": samples.inputs[:0], "targets": samples.targets[:0]}
    pupil = network.Pupil(tmp_path / "mine", "mind", {"hidden": [8]})
    pupil.check(schema)
    first = network.distil(pupil, schema, samples.inputs, answers, none)
    assert first.kept
    assert first.samples == ROWS - ROWS // 5
    assert first.after > max(0.85, first.before)
    assert "questions that it was not taught" in first.text
    said = network.predict_alone(tmp_path / "mine", tmp_path / "all.csv")
    assert network.is_distilled(tmp_path / "mine")
    assert said.score is not None
    assert said.score > 0.85

    pupil.check(schema)
    labelled = {"inputs": samples.inputs[:40], "targets": samples.targets[:40]}
    wrong = network.distil(pupil, schema, samples.inputs[40:], 1 - answers[40:], labelled)
    assert not wrong.kept
    assert "no gain" in wrong.text
    again = network.predict_alone(tmp_path / "mine", tmp_path / "all.csv")
    assert (again.answers == said.answers).all()


def test_what_does_not_fit_is_told_before_anything_is_paid(schema, tmp_path):
    with pytest.raises(ExtensionError, match="no model is called"):
        network.Pupil(tmp_path / "mine", "oracle").check(schema)
    (tmp_path / "other").mkdir()
    with pytest.raises(PeersError, match="holds no distilled model"):
        network.Pupil(tmp_path / "other").check(schema)
    samples, answers = bought(schema, tmp_path)
    none = {"inputs": samples.inputs[:0], "targets": samples.targets[:0]}
    with pytest.raises(PeersError, match="too few"):
        network.distil(network.Pupil(tmp_path / "mine"), schema, samples.inputs[:3], answers[:3], none)
    assert not (tmp_path / "mine").exists()
