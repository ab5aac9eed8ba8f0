"""A network of models that are not Klopf's, each of which is killed and comes back as who it was."""

import importlib.util
import json
import os
import signal

import numpy as np
import pytest

from klopf.extras import missing
from klopf.network import read_run
from tests.conftest import free_port
from tests.peers.models.foreign import chat, names, program, served, softmax

from .network import ENVIRONMENT, ROOT, await_epoch, finish, kill, klopf, start
from .strangers import World

pytestmark = pytest.mark.timeout(900)

HEAD = """
seed = 1
epochs = 4
[data]
file = "marks.csv"
target = "mark"
share = "equal"
[[auditor]]
name = "vera"
[ledger]
listen_seconds = 90
claim_seconds = 90
"""
OUTSIDE = '''
"""A package that nobody but its entry point knows."""
import hashlib
import numpy as np
from klopf.peers import Model

class Means(Model):
    """The class whose mean is nearest."""
    def __init__(self, task, sums=None):
        self.task = task
        self.sums = np.zeros((len(task.names), len(task.features) + 1)) if sums is None else sums
    @classmethod
    def create(cls, task, seed, settings):
        assert not settings
        return cls(task)
    def learn(self, inputs, targets):
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))
        np.add.at(self.sums, targets, np.column_stack([inputs, np.ones(len(inputs))]))
    def answer(self, inputs):
        self.task.check_inputs(inputs)
        means = self.sums[:, :-1] / np.maximum(1, self.sums[:, -1:])
        near = np.exp(-((inputs[:, None] - means) ** 2).sum(axis=2)) + 1e-9
        return (near / near.sum(axis=1, keepdims=True)).astype(np.float32)
    def commitment(self):
        return hashlib.sha256(self.sums.tobytes()).digest()
    def save(self, folder):
        np.save(folder / "sums.npy", self.sums)
    @classmethod
    def load(cls, folder, task):
        return cls(task, np.load(folder / "sums.npy", allow_pickle=False))
'''


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """The package beside Klopf, found by its entry point."""
    place = tmp_path / "outside"
    about = place / "klopf_means-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "klopf_means.py").write_text(OUTSIDE)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: klopf-means\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[klopf.models]\nmeans = klopf_means:Means\n")
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", f"{ROOT}{os.pathsep}{place}")


def marks(file, target="mark"):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(1200, 4))
    rows = zip(inputs.tolist(), names(inputs), strict=True)
    file.write_text(f"a,b,c,d,{target}\n" + "".join(",".join(f"{x:.5f}" for x in x) + f",{y}\n" for x, y in rows))


def fitted(file):
    """A file of scikit-learn's."""
    import skops.io
    from sklearn.linear_model import LogisticRegression

    inputs = np.random.default_rng(1).normal(size=(500, 4))
    skops.io.dump(LogisticRegression().fit(inputs, names(inputs)), file)
    return file


def agent(question):
    """A language model that does sums: it reads the row that it is put."""
    return f"I say {names(np.array([[float(line.split(': ')[1]) for line in question.splitlines()]]))[0]}."


def lived(tmp_path, models):
    """The summary's neurons by name, of a network of ``models`` each of which was killed once."""
    marks(tmp_path / "marks.csv")
    neurons = "".join(
        f"[[neuron]]\nname = {name!r}\nmodel = {model!r}\nsettings = {{ {settings} }}\n"
        for name, (model, settings) in models.items()
    )
    (tmp_path / "network.toml").write_text(HEAD + neurons)
    folder = tmp_path / "run"
    run = start(tmp_path / "network.toml", folder)
    await_epoch(folder, 2)
    for name in models:
        kill(folder, f"neurons/{name}")
    summary = finish(run)
    assert klopf("verify", folder).returncode == 0
    rows = {row["name"]: row for row in summary["neurons"]}
    for i, name in enumerate(models, start=1):
        log = (folder / f"neurons/{name}/log.txt").read_text()
        assert log.count(f"neuron {i} ({name}) answers at") == 2, f"{name} came back as who it was"
        assert max(int(one.name) for one in (folder / f"neurons/{name}/state").iterdir() if one.name.isdigit()) == 4
        assert rows[name]["earned"] > 0 and rows[name]["slashed"] == 0, f"{name}: {rows[name]}"
    assert summary["accuracy"]["network"] > 0.85
    return read_run(folder)


@pytest.mark.long
def test_models_of_every_kind_live_through_a_kill(tmp_path, outside):
    with served(program(softmax, "3")) as web, served(chat(agent)) as there:
        run = lived(tmp_path, {
            "forest": ("sklearn:RandomForestClassifier", "n_estimators = 10"),
            "river": ("river:naive_bayes.GaussianNB", ""),
            "web": (f"{web.url}/private/answer?room=3", "version = '3'"),
            "agent": (f"openai:{there.url}/v1#sums", ""),
            "means": ("means", ""),
            "plain": ("tests.peers.models.foreign:softmax", "version = '1'"),
            "kept": (f"skops:{fitted(tmp_path / 'marks.skops')}", ""),
        })  # fmt: skip
    with run.connect() as book:
        told = [one.model for one in book.registry.all()][:6]
    assert told[2:4] == ["http:answer@3", "openai:v1#sums"]


@pytest.mark.extras
@pytest.mark.skipif(
    bool(missing("torch") or missing("onnx")) or not all(map(importlib.util.find_spec, ("onnx", "safetensors"))),
    reason='needs pip install "klopf[torch,onnx]" onnx',
)
def test_modules_and_files_live_through_a_kill(tmp_path):
    from tests.peers.models.onnx_files import softmax_file

    softmax_file(tmp_path / "marks.onnx")
    lived(tmp_path, {
        "torch": ("torch:tests.peers.models.modules:Small", "step_size = 0.02"),
        "onnx": (f"onnx:{tmp_path}/marks.onnx", ""),
    })  # fmt: skip


@pytest.mark.long
def test_strangers_join_with_models_that_are_not_klopfs(tmp_path):
    marks(tmp_path / "marks.csv", "target")
    with served(program(softmax)) as web, served(chat(agent)) as there, World(tmp_path) as world:
        world.found(tmp_path / "marks.csv", "listen_seconds=30", "claim_seconds=20", "dispute_seconds=0")
        port = free_port()
        world.url = f"http://127.0.0.1:{port}"
        world.serve_chain("--port", port)
        data = ("--data", tmp_path / "marks.csv")
        for wrong, why in (
            ("http://ada:pass@127.0.0.1/", "leave user and password out"),
            ("sklearn:RandomForest", "no classifier called 'RandomForest' in scikit-learn: RandomForestClassifier"),
            ("mine:answer", "there is no package 'mine' here: install it, or name the folder"),
        ):
            where = ("--rpc", world.url, "--network", world.network)
            said = world.klopf("join", tmp_path / "nobody", *where, *data, "--model", wrong, status=2)
            assert why in said and said.count("\n") == 2 and not (tmp_path / "nobody").exists()
        living = {}
        for name, model in (("web", f"{web.url}/answer"), ("agent", f"openai:{there.url}/v1#sums")):
            living[name] = world.join(name, *data, "--model", model)
        for name in living:
            world.grant(name, 150)
        world.all_serve(tuple(living))
        assert {one.model for one in world.members().values()} == {"http:answer", "openai:v1#sums"}
        living["web"].send_signal(signal.SIGKILL)
        living["web"].wait(60)
        world.serve("web")
        asker = world.join("rita", "--as", "requester", "--deposit", "20")
        world.grant("rita", 20)
        assert asker.wait(300) == 0, world.log("rita")
        asked = ("ask", tmp_path / "rita", tmp_path / "marks.csv", "--json")
        world.until(lambda: world.succeeds(*asked), "both answer")
        assert json.loads(world.klopf(*asked))["accuracy"] > 0.9
