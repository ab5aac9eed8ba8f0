"""A neuron whose model, a stranger's, fails: one line that names it."""

import numpy as np
import pytest

from klopf.errors import PeersError
from klopf.peers import Model, NeuronSettings, Numbers, birth


class Fails(Model):
    """Raises, ends the process or answers in a wrong shape, as its settings say."""

    def __init__(self, task, settings):
        self.task, self.how = task, settings["how"]

    @classmethod
    def create(cls, task, seed, settings):
        return cls(task, settings)

    def learn(self, inputs, targets):
        if self.how == "raises":
            raise RuntimeError("learn\nfails")
        if self.how == "exits":
            raise SystemExit(0)

    def answer(self, inputs):
        return np.zeros((len(inputs), 1 + 2 * (self.how == "shape")), np.float32)

    def commitment(self):
        return bytes(32)

    def save(self, folder):
        pass

    @classmethod
    def load(cls, folder, task):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", r"failed in learn\(\): RuntimeError: learn fails"),
        ("exits", r"failed in learn\(\): SystemExit: 0"),
        ("shape", r"gave no answers: answers must be float32 of shape \(n, 1\)"),
    ],
)
def test_a_failing_model_is_one_line(tmp_path, how, said):
    home = tmp_path / "mira"
    home.mkdir()
    np.savez(home / "data.npz", inputs=np.zeros((5, 1), np.float32), targets=np.zeros((5, 1), np.float32))
    name = f"{__name__}:Fails"
    settings = NeuronSettings(name, {"how": how}, passes=1, questions=1, ask=1, fringe_seats=0)
    with pytest.raises(PeersError, match=f"neuron mira: model {name} {said}") as caught:
        birth(home, Numbers(("a",), ("b",), ("",)), 0, settings)
    assert "\n" not in str(caught.value)
