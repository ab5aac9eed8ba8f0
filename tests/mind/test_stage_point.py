"""Input stages can be added: Klopf's own keep their base class's promises, and each broken promise is one line."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.checks import check_stage
from klopf.mind import STAGES, Images, Mind, MindError, Sequences, Stage, diagnostics
from tests.mind import faulty_stages as bad

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    "stage", [Images(8, 8), Images(9, 13, 3, filters=5, patch=4, stride=2, grid=2), Sequences(3), bad.Sound()], ids=str
)
def test_sound_ones_keep_their_promises(stage: Stage) -> None:
    check_stage(stage)


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        (bad.Loud, "gains must be None or 4 numbers"),
        (bad.Raising, "learn() fails: ZeroDivisionError: two lines"),
        (bad.Leaving, "fails: SystemExit: 3"),
        (bad.Wide, "shape (90, 5)"),
        (bad.Double, "float64"),
        (bad.Listed, "a list where features are"),
        (bad.Nan, "a feature that is NaN"),
        (bad.Dropping, "a state of other arrays"),
        (bad.Growing, "a state of other arrays"),
        (bad.Stateless, "give a dict of arrays"),
        (bad.Objects, "'seen' of the type bool"),
        (bad.Unborn, "RuntimeError: not yet"),
        (bad.Half, "its features is 3.0"),
        (bad.Priceless, "RuntimeError: no cost"),
        (bad.Wordy, "words=('a', 'b') cannot be saved"),
        (bad.Nameless, "has no kind"),
        (lambda: bad.Unsaved(4), "made again from what it says it is"),
        (bad.Images, "give it a name of its own"),
        (bad.Unseeded, "draw everything random from it"),
        (bad.Shaking, "which everybody shares"),
        (bad.Looking, "one by one"),
        (bad.Foreseeing, "one by one"),
        (bad.Forgetful, "one by one"),
        (bad.Touching, "must leave it as it was|same rows come one by one|learns from rows of weight 0"),
        (bad.Writing, "changes the rows"),
        (bad.Weightless, "rows of weight 0"),
        (bad.Unordered, "one by one|say ordered = True"),
        (bad.Deaf, "whatever the rows are"),
    ],
)
def test_a_broken_promise_is_found_and_said_in_one_line(faulty: Any, said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_stage(faulty())
    line = str(caught.value)
    assert any(each in line for each in said.split("|")) and "\n" not in line, line
    assert isinstance(faulty, type) is False or faulty.__name__ in line


@pytest.mark.parametrize("given", [Stage, bad.Sound, 3, None])
def test_what_is_no_stage_is_refused(given: Any) -> None:
    with pytest.raises(AssertionError, match="is no input stage: give check_stage one"):
        check_stage(given)


@pytest.mark.parametrize(
    "faulty",
    [
        bad.Loud, bad.Raising, bad.Leaving, bad.Wide, bad.Double, bad.Listed, bad.Nan, bad.Dropping, bad.Growing,
        bad.Stateless, bad.Objects, bad.Unborn, bad.Half, bad.Priceless, bad.Wordy, bad.Nameless, bad.Refusing,
    ],
)  # fmt: skip
def test_a_faulty_one_is_one_line_that_names_it_and_leaves_the_mind_as_it_was(faulty: Any) -> None:
    born = None
    with pytest.raises(MindError) as caught:
        m = Mind(faulty(), 2, (4,))
        born = m.commitment()
        m.learn(X, Y)
    line = str(caught.value)
    assert f"tests.mind.faulty_stages:{faulty.__name__}' of tests" in line and "\n" not in line
    assert born is None or m.commitment() == born


def test_what_it_gives_and_is_given_is_nobody_elses() -> None:
    given = X.copy()
    m, other = Mind(bad.Writing(), 2, (4,)), Mind(bad.Touching(), 2, (4,))
    m.learn(given, Y)
    assert (given == X).all()
    other.learn(X, Y)
    before = other.commitment()
    other.predict(X[:5]), other.predict(np.repeat(X, 2, 0)), diagnostics.activities(other, X)
    assert other.commitment() == before


def test_one_that_is_no_package_is_copied_saved_and_loaded_by_who_has_it(tmp_path: Path) -> None:
    m = Mind(bad.Sound(), 2, (4,), seed=3)
    m.learn(X, Y)
    m.save(tmp_path / "m")
    for other in (Mind.load(tmp_path / "m"), pickle.loads(pickle.dumps(m)), copy.deepcopy(m)):
        assert other.stage == m.stage and other.commitment() == m.commitment()
        assert other.learn(X, Y).tolist() == copy.copy(m).learn(X, Y).tolist()
    m.prepare()
    assert m.widened(3, 4).stage == m.stage

    @dataclass(frozen=True)
    class Local(bad.Sound):
        pass

    Mind(Local(), 2).save(tmp_path / "local")
    assert Mind.load(tmp_path / "local").stage == Local()
    code = f"from klopf.mind import Mind\ntry: Mind.load({str(tmp_path / 'm')!r})\nexcept Exception as e: print(e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "it has an input stage of the kind 'tests.mind.faulty_stages:Sound', which is not here; "
        "import tests.mind.faulty_stages before"
    )


PACKAGE = """
from dataclasses import dataclass
import numpy as np
from klopf.mind import Stage

@dataclass(frozen=True)
class Doubled(Stage):
    width: int
    kind = "doubled"
    def check(self): self.whole("width")
    sensors = property(lambda self: self.width)
    features = property(lambda self: 2 * self.width)
    cost = property(lambda self: self.width)
    def state(self, seed, dtype): return {}
    def learn(self, state, x, weights): return self.sense(state, x)
    def sense(self, state, x): return np.concatenate([x, x * x], 1)
"""


def _installed(folder: Path, name: str, source: str, entry: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (folder / name / "stages.py").write_text(source)
    about = folder / f"{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[klopf.stages]\n{entry}\n")


def _others(folder: Path, monkeypatch: pytest.MonkeyPatch, *gone: str) -> None:
    """What is installed in ``folder`` too, and not yet imported."""
    monkeypatch.syspath_prepend(folder)
    _forgotten(*gone)


def _forgotten(*packages: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        del sys.modules[name]
    importlib.invalidate_caches()


def test_one_of_another_package_is_found_by_name_and_its_faults_name_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder, file = tmp_path / "a", tmp_path / "m"
    _installed(folder, "smells", PACKAGE, "doubled = smells.stages:Doubled")
    _installed(tmp_path / "b", "twin", PACKAGE, "doubled = twin.stages:Doubled")

    def refused() -> str:
        _forgotten("smells")
        with pytest.raises(MindError) as caught:
            Mind.load(file)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    with monkeypatch.context() as here:
        _others(folder, here)
        stage = STAGES.load("doubled")(2)
        check_stage(stage)
        m = Mind(stage, 2, (4,))
        m.learn(np.ones((5, 2)), [0, 1, 0, 1, 1])
        m.save(file)
        _forgotten("smells")
        assert Mind.load(file).commitment() == m.commitment() and "smells" in sys.modules
        for source, line in (
            ("1 / 0", "smells cannot be loaded (smells.stages:Doubled): ZeroDivisionError"),
            (PACKAGE.replace('self.whole("width")', "raise SystemExit(2)"), "cannot be made again"),
            (PACKAGE.replace("width: int", "height: int = 2"), "cannot be made again"),
            (PACKAGE.replace("(Stage)", ""), "is no subclass of klopf.mind._stage:Stage"),
        ):
            (folder / "smells" / "stages.py").write_text(source)
            said = refused()
            assert "smells" in said and line in said, said
        _others(tmp_path / "b", here)
        assert "smells and twin" in refused().replace("twin and smells", "smells and twin")
    assert refused() == "it has an input stage of the kind 'doubled', which is not here; install smells"


def test_merely_being_installed_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(tmp_path, "smells", "raise SystemExit(3)", "images = smells.stages:Images\nbroken = smells.stages:X")
    _others(tmp_path, monkeypatch)
    Mind(Images(8, 8), 2).save(tmp_path / "m")
    assert Mind.load(tmp_path / "m").stage == Images(8, 8) and "smells" not in sys.modules


def test_threads_share_a_mind_whose_stage_is_anothers() -> None:
    m, wrong, done = Mind(bad.Sound(), 2, (4,)), [], threading.Event()

    def read() -> None:
        while not done.is_set():
            said = m.predict_proba(np.repeat(X[:1], 3, 0))
            if not (said == said[0]).all():
                wrong.append(said)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(30):
        m.learn(X, Y)
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong and list(STAGES.shipped) == ["images", "sequences"]
