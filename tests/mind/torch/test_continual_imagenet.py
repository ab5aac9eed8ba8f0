"""Continual ImageNet's protocol: its network, images of a user's, and lives that go on from a file to the bit."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.extras import missing

pytestmark = [
    pytest.mark.extras, pytest.mark.skipif(bool(missing("torch")), reason='needs pip install "klopf[torch]"')
]  # fmt: skip


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    import torch

    torch.set_num_threads(1)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "bench"))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])  # what keeps its neighbour from being taken for PyTorch
    for name in ("figures", "continual_imagenet"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("continual_imagenet")


def few(classes: int, channels: int = 3) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.random((14, channels, 32, 32), np.float32) for _ in range(classes)]


@pytest.mark.parametrize("name", ["Adam", "SNR", "Klopf"])
def test_a_life_goes_on_from_its_file_to_the_bit(bench: Any, tmp_path: Path, name: str) -> None:
    import torch

    own = {"Adam": 0.0, "SNR": 0.9, "Klopf": 0.2}[name]

    def life() -> Any:
        made = bench.Life(name, 0.01, own, 3, few(3), 6)
        if made.rule:
            made.rule.every, made.rule.maturity = 2, 3
        return made

    whole, begun, goes_on = life(), life(), life()
    assert bench.lived(whole, 3, None) == 3
    assert bench.lived(begun, 2, tmp_path / "a.pt") == 2
    assert bench.lived(goes_on, 3, tmp_path / "a.pt") == 1
    assert goes_on.accuracy == whole.accuracy
    for one, other in zip(whole.model.parameters(), goes_on.model.parameters(), strict=True):
        assert torch.equal(one, other)
    if name == "Klopf":
        assert goes_on.rule.births == whole.rule.births > 0


def test_only_the_two_outputs_begin_anew_between_tasks(bench: Any) -> None:
    life = bench.Life("SGD", 0.01, 0.0, 3, few(3), 2)
    life.task()
    before = [parameter.detach().clone() for parameter in life.model.parameters()]
    assert before[-2].any() and before[-1].any()
    life._forget()
    after = list(life.model.parameters())
    assert not after[-2].any() and not after[-1].any()
    assert all((one == other).all() for one, other in zip(before[:-2], after[:-2], strict=True))
    assert not any(kept.any() for kept in life.optimizer.state[after[-2]].values())


def test_the_network_is_the_published_one_and_all_its_units_are_judged(bench: Any) -> None:
    import torch

    from klopf.mind.torch import report

    found = report(bench.network(3), torch.rand(2, 3, 32, 32))
    assert [one.units for one in found.layers] == [32, 64, 128, 128, 128]
    assert found.left_alone == {"14": "its units are the model's output"}


def test_images_of_a_users_are_read_from_one_file_and_from_a_folder(bench: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x, labels = random.integers(0, 256, (40, 32, 32, 3), np.uint8), np.repeat([4, 9], 20)
    np.savez(tmp_path / "all.npz", images=x, labels=labels)
    (tmp_path / "each").mkdir()
    for one in (4, 9):
        np.save(tmp_path / f"each/{one}.npy", x[labels == one].transpose(0, 3, 1, 2))
    for given in (tmp_path / "all.npz", tmp_path / "each"):
        first, second = bench.classes(given, "digits")
        assert first.shape == second.shape == (20, 3, 32, 32) and first.dtype == np.float32
        assert np.allclose(second[3], x[23].transpose(2, 0, 1) / 255)
    (tmp_path / "no.npz").write_bytes(b"no")
    np.savez(tmp_path / "small.npz", images=x[:, :8], labels=labels)
    for wrong in ("no.npz", "none.npz", "small.npz"):
        with pytest.raises(SystemExit, match=wrong) as raised:
            bench.classes(tmp_path / wrong, "digits")
        assert "\n" not in str(raised.value)
