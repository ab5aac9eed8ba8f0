"""What the page and the example for PyTorch's users say is what happens."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from klopf.extras import missing

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.extras, pytest.mark.skipif(bool(missing("torch")), reason='needs pip install "klopf[torch]"')
]  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Such small sums are slower on several."""
    import torch

    torch.set_num_threads(1)


def test_the_page_runs_and_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/torch.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```\n\nprints `2`", page, re.S | re.M)
    exec(compile(code, "docs/torch.md", "exec"), {})
    assert capsys.readouterr().out == "2\n"


def test_the_page_names_every_rule() -> None:
    from klopf.mind import torch as room

    page = (ROOT / "docs/torch.md").read_text()
    rules = [
        name
        for name in room.__all__
        if isinstance(getattr(room, name), type) and issubclass(getattr(room, name), room.Rule)
    ]
    assert len(rules) == 7 and all(f"`{name}`" in page for name in rules if name != "Rule")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples/torch_loop.py"))["main"](2)
    said = capsys.readouterr().out
    assert "task 2: " in said and "4.weight" in said


def test_the_example_of_ppo_learns_and_its_units_are_reborn(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gymnasium")
    assert runpy.run_path(str(ROOT / "examples/torch_ppo.py"))["main"](6 * 1024) > 60
    said = capsys.readouterr().out
    assert "policy.2.weight" in said and "left alone: policy.4: its units are the model's output" in said
    births = [int(one) for one in re.findall(r", (\d+) units were reborn", said)]
    assert births and births[-1] > 0


def _lines(folder: Path, monkeypatch: pytest.MonkeyPatch, blocks: int) -> dict:
    """What is named after so many of the page's blocks about Stable-Baselines3 have run, in a folder of their own."""
    page = (ROOT / "docs/torch.md").read_text().split("## PPO of others")[1].split("## Rules")[0]
    monkeypatch.chdir(folder)
    names: dict = {}
    for code in re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)[:blocks]:
        exec(compile(code, "docs/torch.md", "exec"), names)
    return names


def test_the_lines_for_stable_baselines_find_its_units_and_go_on_from_a_file(tmp_path, monkeypatch) -> None:
    pytest.importorskip("stable_baselines3")
    names = _lines(tmp_path, monkeypatch, 2)
    layers = [one.layer for one in names["rule"].heard]
    assert [layer.units for layer in layers] == [64] * 4 and names["rule"].births > 0
    heard = {listener for layer in layers for listener in layer.listeners}
    assert {"policy.action_net", "policy.value_net"} < heard
    before, after = names["rule"], names["goes_on"]
    assert after.births > before.births and after.steps == 2 * before.steps


@pytest.mark.parametrize("shared", [True, False])
def test_the_lines_for_stable_baselines_do_for_images_and_for_features_of_their_own(
    tmp_path, monkeypatch, shared
) -> None:
    sb3, gymnasium = pytest.importorskip("stable_baselines3"), pytest.importorskip("gymnasium")
    import numpy as np
    from gymnasium import spaces

    class Pictures(gymnasium.Env):
        observation_space, action_space = spaces.Box(0, 255, (36, 36, 3), np.uint8), spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return self.observation_space.sample(), {}

        def step(self, action):
            return self.observation_space.sample(), float(action), bool(self.np_random.random() < 0.1), False, {}

    ruled = {**_lines(tmp_path, monkeypatch, 1)}["ruled"]
    model = sb3.PPO("CnnPolicy", Pictures(), n_steps=16, batch_size=8, n_epochs=1, seed=0, policy_kwargs={
        "share_features_extractor": shared, "features_extractor_kwargs": {"features_dim": 32}})  # fmt: skip
    rule = ruled(model, rate=0.2, maturity=1, every=1)
    assert sorted(one.layer.units for one in rule.heard) == sorted([32, 32, 64, 64] * (1 if shared else 2))
    assert set(rule.trace.left_alone) == {"policy.action_net", "policy.value_net"}
    model.learn(64)
    assert rule.births > 0


@pytest.mark.parametrize("rule", ["none", "continual"])
def test_the_example_of_ppo_takes_another_rule_and_none(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gymnasium")
    runpy.run_path(str(ROOT / "examples/torch_ppo.py"))["main"](10 * 512, rule)
    said = capsys.readouterr().out
    births = [int(one) for one in re.findall(r", (\d+) units were reborn", said)]
    assert births and (births[-1] > 0) == (rule == "continual") and ("policy.2.weight" in said) == (rule != "none")
