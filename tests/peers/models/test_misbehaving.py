"""Models that break a promise, each in a way of its own: the check names every one in one line."""

import io
import pickle
import random
import sys
from pickle import loads as kept_by_another_name

import numpy as np
import pytest

from klopf import checks
from tests.test_promises import NUMBERS, Sums


def save_pickle(self, folder):
    (folder / "sums").write_bytes(pickle.dumps((self.a, self.b)))


def save_old_pickle(self, folder):
    (folder / "sums").write_bytes(pickle.dumps((self.a, self.b), protocol=0))


def save_objects(self, folder):
    np.save(folder / "sums.npy", np.array([self.a, self.b, None], dtype=object))


def save_zipped_objects(self, folder):
    np.savez(folder / "sums.npz", all=np.array([self.a, self.b, None], dtype=object))


def save_hex(self, folder):
    (folder / "sums").write_text(pickle.dumps((self.a, self.b)).hex())


def load_hex(read):
    return classmethod(lambda cls, folder, task: cls(task, *read(bytes.fromhex((folder / "sums").read_text()))))


def by_batch(self, inputs):
    return Sums.answer(self, inputs) + np.float32(np.mean(inputs))


def by_place(self, inputs):
    return Sums.answer(self, inputs) + np.arange(len(inputs), dtype=np.float32)[:, None]


def by_length(self, inputs):
    return Sums.answer(self, inputs) + np.float32(len(inputs) == 1)


def also(method, what):
    def wrong(self, *given):
        what()
        return getattr(Sums, method)(self, *given)

    return wrong


def made(what):
    def create(cls, task, seed, settings):
        what()
        return Sums.create.__func__(cls, task, seed, settings)

    return classmethod(create)


def loaded(what):
    def load(cls, folder, task):
        what()
        return Sums.load.__func__(cls, folder, task)

    return classmethod(load)


class Shared(Sums):
    """What one learns, all know."""

    def learn(self, inputs, targets):
        Sums.learn(self, inputs, targets)
        type(self).SUM = self.a, self.b

    def commitment(self):
        self.a, self.b = getattr(type(self), "SUM", (self.a, self.b))
        return Sums.commitment(self)


def save_raw(self, folder):
    (folder / "sums").write_bytes(np.concatenate([self.a.ravel(), self.b.ravel()]).tobytes())


def load_raw(cls, folder, task):
    n, m = len(task.features) + 1, len(task.names)
    raw = (folder / "sums").read_bytes()
    numbers = np.frombuffer(raw[: len(raw) // 8 * 8])
    whole = np.r_[numbers, np.ones(n * (n + m))][: n * (n + m)]
    return cls(task, whole[: n * n].reshape(n, n).copy(), whole[n * n :].reshape(n, m).copy())


WRONG = [
    ({"save": save_raw, "load": classmethod(load_raw)}, r"load\(\) takes sums although it was cut"),
    ({"save": save_pickle}, r"save\(\) writes a pickle into sums"),
    ({"save": save_old_pickle}, r"save\(\) writes a pickle into sums"),
    ({"save": save_objects}, r"save\(\) writes a pickle into sums.npy"),
    ({"save": save_zipped_objects}, r"save\(\) writes a pickle into sums.npz"),
    ({"save": save_hex, "load": load_hex(pickle.loads)}, r"load\(\) unpickles"),
    ({"save": save_hex, "load": load_hex(kept_by_another_name)}, r"load\(\) unpickles"),
    ({"save": save_hex, "load": load_hex(lambda text: pickle.Unpickler(io.BytesIO(text)).load())}, r"load\(\) unpick"),
    ({"save": save_hex, "load": load_hex(lambda text: pickle._Unpickler(io.BytesIO(text)).load())}, r"load\(\) unpick"),
    ({"learns": False}, "says that it does not learn, and learn.. changes it"),
    ({"answer": by_batch}, "must not depend on its batch"),
    ({"answer": by_place}, "must not depend on its batch"),
    ({"answer": by_length}, "one by one"),
    ({"learn": also("learn", lambda: np.random.seed(3))}, r"learn\(\) seeds or draws from NumPy's global"),
    ({"learn": also("learn", np.random.rand)}, r"learn\(\) seeds or draws from NumPy's global"),
    ({"answer": also("answer", np.random.rand)}, r"answer\(\) seeds or draws from NumPy's global"),
    ({"answer": also("answer", random.random)}, r"answer\(\) seeds or draws from Python's module random"),
    ({"commitment": also("commitment", random.random)}, r"commitment\(\) seeds or draws from Python's"),
    ({"save": also("save", random.random)}, r"save\(\) seeds or draws from Python's"),
    ({"create": made(lambda: np.random.seed(0))}, r"create\(\) seeds or draws from NumPy's"),
    ({"load": loaded(lambda: random.seed(0))}, r"load\(\) seeds or draws from Python's"),
    (
        {name: vars(Shared)[name] for name in ("learn", "commitment")},
        "another model of its kind|draw everything random",
    ),
]


@pytest.mark.parametrize(("methods", "said"), WRONG)
def test_a_model_that_misbehaves_is_named(methods, said, monkeypatch):
    kind = type("Wrong", (Sums,), {**methods, "__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], "Wrong", kind, raising=False)
    with pytest.raises(AssertionError, match=said) as found:
        checks.check_model(kind, NUMBERS)
    assert "\n" not in str(found.value) and "Wrong" in str(found.value)


def test_what_the_check_watches_with_is_put_back():
    checks.check_model(Sums, NUMBERS)
    assert sys.getprofile() is None
