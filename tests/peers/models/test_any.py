"""Models that are not Klopf's: each adapter keeps the promises of ``Model``, and says what the model itself says."""

import asyncio
import contextlib
import inspect
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from klopf.checks import check_model
from klopf.errors import KlopfError, PeersError
from klopf.peers import MODELS, Classes, Numbers, Text, create_model, load_model, save_model
from klopf.peers._thinking import answers_in_portions, whose
from klopf.peers.models import public_name
from klopf.peers.models._frozen import as_answers
from tests.peers.models import foreign
from tests.peers.models.foreign import chat, dripped, program, served, told

CLASSES = Classes(("a", "b", "c", "d"), ("x", "y", "z"))
PAIR = Classes(("a", "b", "c", "d"), ("no", "yes"))
NUMBERS = Numbers(("a", "b", "c"), ("rent",), ("EUR",))
TWO = Numbers(("a", "b", "c"), ("rent", "deposit"), ("EUR", "EUR"))
TEXT = Text(("question",), ("answer",))
PLACE = "tests.peers.models.foreign"
INPUTS = np.random.default_rng(1).normal(size=(700, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "task", "settings"),
    [
        pytest.param(
            "river:forest.ARFClassifier", CLASSES, {"n_models": 2, "window": 300}, marks=pytest.mark.extras
        ),  # seconds; and nobody can pickle it
        (f"river:{PLACE}:pipeline", TWO, {}),
        (f"{PLACE}:Nearest", CLASSES, {}),
        (f"{PLACE}:softmax", CLASSES, {}),
        (f"{PLACE}:names", CLASSES, {"version": "2"}),
        (f"{PLACE}:total", NUMBERS, {}),
        (f"{PLACE}:shout", TEXT, {}),
        ("river.naive_bayes:GaussianNB", CLASSES, {}),
        ("sklearn.neighbors:KNeighborsClassifier", CLASSES, {"window": 200}),
        ("sklearn:Ridge", Numbers(tuple("abcd"), tuple(f"e{i}" for i in range(64))), {}),  # an embedding
    ],
)
def test_each_keeps_its_promises(name, task, settings):
    check_model(name, task, settings)


@pytest.mark.parametrize(
    ("function", "task"),
    [(foreign.softmax, CLASSES), (foreign.total, NUMBERS), (foreign.shout, TEXT)],
    ids=["classes", "numbers", "text"],
)
def test_a_model_behind_http_keeps_its_promises(function, task):
    with served(program(function, "7")) as there:
        check_model(f"{there.url}/answer", task, {"version": "7"})
        path, body, headers = there.asked[0]
    assert path == "/answer" and body["task"]["kind"] == task.kind and len(body["inputs"]) <= 256
    assert "Authorization" not in headers


@pytest.mark.parametrize("task", [TEXT, CLASSES], ids=["text", "classes"])
def test_a_language_model_keeps_its_promises(task):
    with served(chat(lambda said: "it is Y." if isinstance(task, Classes) else said[::-1])) as there:
        check_model(f"openai:{there.url}/v1#small", task, {"prompt": "Be brief."})
        path, body, _ = there.asked[0]
    assert path == "/v1/chat/completions" and (body["model"], body["temperature"]) == ("small", 0)
    assert body["messages"][0]["content"].startswith("Be brief.")


def test_a_function_and_an_endpoint_answer_as_the_model_itself():
    right = foreign.softmax(INPUTS)
    assert np.abs(create_model(f"{PLACE}:softmax", CLASSES, 0).answer(INPUTS) - right).max() < 1e-6
    with served(program(foreign.softmax)) as there:
        model = create_model(f"http:{there.url}", CLASSES, 0)
        assert np.abs(model.answer(INPUTS) - right).max() < 1e-6
        assert len(there.asked) == 3 and model.answer(INPUTS[:0]).shape == (0, 3)
    with served(program(foreign.total)) as there:
        said = create_model(f"{there.url}/x", NUMBERS, 0).answer(INPUTS[:, :3])
        assert np.abs(said[:, 0] - foreign.total(INPUTS[:, :3])).max() < 1e-6


def test_an_estimator_that_is_fitted_anew_answers_as_scikit_learn_itself():
    from sklearn.ensemble import RandomForestClassifier

    labels = foreign.softmax(INPUTS).argmax(axis=1)
    model = create_model("sklearn:RandomForestClassifier", CLASSES, 5, {"n_estimators": 5})
    model.learn(INPUTS, labels)
    itself = RandomForestClassifier(n_estimators=5, random_state=5).fit(INPUTS, labels)
    assert np.abs(model.answer(INPUTS) - itself.predict_proba(INPUTS)).max() < 1e-6
    before = model.commitment()
    model.learn(INPUTS[::-1].copy(), labels[::-1].copy())  # a second pass brings nothing new
    assert model.commitment() == before


def test_a_window_forgets_what_is_older(tmp_path):
    labels = foreign.softmax(INPUTS).argmax(axis=1)
    for name, most in (("sklearn:KNeighborsClassifier", 100), ("river:naive_bayes.GaussianNB", 100)):
        long, short = (create_model(name, CLASSES, 0, {"window": most}) for _ in range(2))
        long.learn(INPUTS[:300], labels[:300])
        short.learn(INPUTS[200:300], labels[200:300])
        assert np.array_equal(long.answer(INPUTS), short.answer(INPUTS)) and long.commitment() == short.commitment()
        save_model(long, name, tmp_path / name[:5])
        assert np.array_equal(load_model(tmp_path / name[:5], CLASSES, name).answer(INPUTS), short.answer(INPUTS))


def test_a_river_neuron_learns_as_river_itself():
    from river import tree

    labels = foreign.softmax(INPUTS).argmax(axis=1)
    model = create_model("river:tree.HoeffdingTreeClassifier", CLASSES, 0)
    itself = tree.HoeffdingTreeClassifier()
    for start in range(0, 700, 100):
        model.learn(INPUTS[start : start + 100], labels[start : start + 100])
    for row, label in zip(INPUTS.tolist(), labels.tolist(), strict=True):
        itself.learn_one(dict(zip("abcd", row, strict=True)), label)
    for row, said in zip(INPUTS[:50].tolist(), model.answer(INPUTS[:50]), strict=True):
        right = itself.predict_proba_one(dict(zip("abcd", row, strict=True)))
        assert abs(said - [right.get(c, 0.0) for c in range(3)]).max() < 1e-6


@pytest.mark.parametrize(
    ("task", "said", "right"),
    [
        (CLASSES, [[0.5, 0.25, 0.25]], [[0.5, 0.25, 0.25]]),
        (CLASSES, ["z"], [[0, 0, 1]]),
        (CLASSES, [1], [[0, 1, 0]]),
        (PAIR, [[0.25]], [[0.75, 0.25]]),
        (PAIR, [0.25], [[0.75, 0.25]]),
        (PAIR, [[1.0 + 1e-9, -1e-9]], [[1, 0]]),
        (NUMBERS, [3], [[3]]),
    ],
)
def test_what_foreign_models_say_is_understood(task, said, right):
    assert as_answers(task, said, 1).tolist() == right


@pytest.mark.parametrize(
    ("task", "said", "line"),
    [
        (CLASSES, [[1, 2, 3]], "answers are no probabilities"),
        (CLASSES, [[float("nan")] * 3], "answers are no probabilities"),
        (CLASSES, ["w"], "'w' is none of the classes: x, y, z"),
        (CLASSES, [3], "classes are numbered from 0 to 2"),
        (CLASSES, [[0.5, 0.5]], "answers must be float32 of shape"),
        (CLASSES, [[0.5, 0.5], [1]], "answers are no table"),
        (CLASSES, [], "0 answers to 1 inputs"),
        (CLASSES, None, "no answers to 1 inputs"),
        (CLASSES, [None], "none of the classes"),
        (NUMBERS, [float("inf")], "must be finite"),
        (NUMBERS, ["3"], "numbers are wanted"),
        (TEXT, [3], "texts are wanted"),
        (TEXT, ["x" * 1001], "may have 1000 characters"),
        (TEXT, ["half a pair: \ud800"], "written as UTF-8"),
    ],
)
def test_what_is_no_answer_is_refused_in_one_line(task, said, line):
    with pytest.raises(PeersError, match=line) as refused:
        as_answers(task, said, 1)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda *_: told(b"{"), "no JSON"),
        (lambda *_: told(b"[" * 200_000), "no JSON"),
        (lambda *_: told([1]), "must answer"),
        (lambda *_: told({"answers": [[1, 0, 0]]}), "must answer"),
        (lambda *_: told({"answers": [[2, 0, 0]] * 2}), "no probabilities"),
        (lambda *_: told({"answers": [[1, 0, 0]] * 2, "version": "8"}), "is version '8' and '7' was declared"),
        (lambda *_: told(b"", 302, Location="http://127.0.0.1:1/"), "sends on to elsewhere"),
        (lambda *_: told(b"secret", 401), "status 401: its key is refused"),
        (lambda *_: told(b" " * (2**24 + 1)), "more than 16,777,216 bytes"),
        (lambda *_: dripped(), "does not answer in time"),
        (lambda *_: told(b"", 503), r"cannot now \(status 503\): see that it runs"),
    ],
)
def test_an_endpoint_that_fails_is_named_in_one_line(answer, line):
    with served(answer) as there:
        model = create_model(f"{there.url}/a?token=hidden", CLASSES, 0, {"version": "7", "seconds": 0.4})
        with pytest.raises(PeersError, match=line) as refused:
            model.answer(INPUTS[:2])
    said = str(refused.value)
    assert "\n" not in said and "hidden" not in said and "secret" not in said
    assert "probabilities" in said or there.url in said


def test_an_endpoint_that_drips_its_headers_is_left_in_time():
    with socket.create_server(("127.0.0.1", 0)) as there:

        def drip():
            with contextlib.suppress(OSError):
                asker, _ = there.accept()
                asker.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while True:
                    asker.sendall(b"a")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        model = create_model(f"http://127.0.0.1:{there.getsockname()[1]}/", CLASSES, 0, {"seconds": 0.3})
        with pytest.raises(PeersError, match="does not answer in time"):
            model.answer(INPUTS[:1])
        thread.join(30)
        assert not thread.is_alive()  # who drips was hung up on


def test_an_endpoint_is_tried_again():
    left = [503, 429]

    def answer(*asked):
        return told(b"", left.pop()) if left else program(foreign.softmax)(*asked)

    with served(answer) as there:
        said = create_model(there.url, CLASSES, 0).answer(INPUTS[:2])
    assert np.abs(said - foreign.softmax(INPUTS[:2])).max() < 1e-6 and len(there.asked) == 3


def test_a_query_is_in_no_message(monkeypatch):
    name = "https://ada.net/rain?key=very-secret"
    assert whose("one", name) == "neuron one: model http:rain"
    monkeypatch.setattr("klopf.peers.models.http.Endpoint", lambda *_: 1 // 0)
    with pytest.raises(PeersError, match="model 'http:rain' does not take these settings"):
        create_model(name, CLASSES, 0)


def test_who_asks_a_slow_model_much_and_goes_holds_up_nobody():
    many = np.array([f"what is {i}?" for i in range(400)])

    async def play(there):
        model = create_model(f"openai:{there.url}/v1#small", TEXT, 0)
        with ThreadPoolExecutor(1) as thread:
            asks = asyncio.ensure_future(answers_in_portions("one", thread, model, many))
            while not there.asked:
                await asyncio.sleep(0.01)
            other = await answers_in_portions("one", thread, model, np.array(["rain"]))
            before, waits = len(there.asked), not asks.done()
            asks.cancel()
            await asyncio.gather(asks, return_exceptions=True)
        return other.tolist(), before, waits, len(there.asked)

    with served(chat(str.upper)) as there:
        other, before, waits, after = asyncio.run(play(there))
    assert other == ["RAIN"] and waits and before < 60 and after <= before + 8


def test_a_key_is_sent_and_never_told(monkeypatch, tmp_path):
    monkeypatch.setenv("RAIN_KEY", "sk-very-secret")
    with served(chat(str.upper)) as there:
        name, settings = f"openai:{there.url}/v1#small", {"key": "RAIN_KEY", "seconds": 0.3}
        model = create_model(name, TEXT, 0, settings)
        assert model.answer(np.array(["rain"])).tolist() == ["RAIN"]
        assert there.asked[0][2]["Authorization"] == "Bearer sk-very-secret"
        save_model(model, name, tmp_path / "state")
    with pytest.raises(PeersError, match="cannot be reached") as refused:
        model.answer(np.array(["snow"]))
    kept = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert b"very-secret" not in kept and "secret" not in str(refused.value)
    assert model.answer(np.array(["rain"])).tolist() == ["RAIN"]  # is remembered


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("http:", {}, "named by its URL"),
        ("http:ftp://host/", {}, "named by its URL"),
        ("http://ada:pass@host/", {}, "leave user and password out"),
        ("http://host:99999/", {}, "cannot be read"),
        ("http://host/", {"key": "sk-1234"}, "is the name of an environment variable"),
        ("http://host/", {"key": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ("http://host/", {"key": "KLOPF_TEST_KEY"}, "could be read on the way"),
        ("http://host/", {"seconds": 0}, "from 0.1 to 600"),
        ("http://host/", {"seconds": "1"}, "must be a number"),
        ("http://host/", {"colour": 1}, "has no setting 'colour'"),
        ("openai:http://host/v1", {}, "name an endpoint and its model"),
        ("openai:#small", {}, "name an endpoint and its model"),
        ("river:tree", {}, "no estimator of River"),
        ("river:tree.Oak", {}, "cannot be loaded"),
        ("river:linear_model.LinearRegression", {}, "no predict_proba_one"),
        ("river:tree.HoeffdingTreeClassifier", {"colour": 1}, "does not take these settings"),
        (f"{PLACE}:later", {}, "is a coroutine function"),
        (f"{PLACE}:softmax", {"colour": 1}, "has no setting 'colour'"),
        (f"{PLACE}:WEIGHTS", {}, "no subclass"),
        (f"{PLACE}:nothing", {}, "cannot be loaded"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(name, settings, line, monkeypatch):
    monkeypatch.setenv("KLOPF_TEST_KEY", "sk-very-secret")
    with pytest.raises(KlopfError, match=line) as refused:
        create_model(name, CLASSES, 0, settings)
    said = str(refused.value)
    assert "\n" not in said and "pass" not in said.replace("password", "") and "1234" not in said


def test_answers_that_do_not_fit_are_refused():
    with pytest.raises(PeersError, match="no probabilities"):
        create_model(f"{PLACE}:unfit", CLASSES, 0).answer(INPUTS)


def test_a_frozen_model_commits_to_what_it_is(tmp_path):
    make = lambda **settings: create_model(f"{PLACE}:softmax", CLASSES, 0, settings)  # noqa: E731
    assert make().commitment() == make().commitment() != make(version="2").commitment()
    assert make().commitment() != create_model(f"{PLACE}:names", CLASSES, 0).commitment()
    with served(program(foreign.softmax)) as there:
        one, other = (create_model(f"{there.url}/{end}", CLASSES, 0) for end in "ab")
        assert one.commitment() != other.commitment()
    save_model(one, f"{there.url}/a", tmp_path / "state")
    with pytest.raises(PeersError, match="is another now"):
        load_model(tmp_path / "state", CLASSES, f"{there.url}/b")


def test_a_language_models_class_is_what_it_names():
    said = iter(["y", "Well: Z!", "no idea", "xylophone, y"])
    with served(chat(lambda _: next(said))) as there:
        model = create_model(f"openai:{there.url}#m", CLASSES, 0, {"at_once": 1})
        answers = model.answer(INPUTS[:4])
    third = np.float32(1 / 3)
    assert answers.tolist() == [[0, 1, 0], [0, 0, 1], [third] * 3, [0, 1, 0]]


def test_what_the_registry_is_told_of_a_model():
    assert public_name(f"{PLACE}:softmax") == f"{PLACE}:softmax"
    assert public_name("https://ada.net/private/rain?key=3") == "http:rain"
    assert public_name("onnx:C:\\ada\\rain.onnx") == "onnx:rain.onnx"


def test_every_adapter_is_described():
    for name in MODELS.shipped:
        assert inspect.getdoc(MODELS.load(name))


@pytest.mark.parametrize("evil", ["function", "bomb"])
def test_a_file_of_skops_runs_nothing_and_fills_no_memory(tmp_path, evil):
    """NumPy has functions that execute a text, and a pipeline's step may be any function."""
    import zipfile

    import numpy.testing
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    file, mark = tmp_path / "evil.skops", tmp_path / "mark"
    if evil == "function":
        code = f"open({str(mark)!r}, 'w')"
        steps = [
            FunctionTransformer(np.full_like, kw_args={"fill_value": code, "dtype": "U500"}),
            FunctionTransformer(np.take, kw_args={"indices": 0}),
            FunctionTransformer(numpy.testing.measure),
        ]
        skops.io.dump(make_pipeline(*steps, FunctionTransformer()), file)
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("schema.json", b"[" + b" " * (65 << 20) + b"]")
    with pytest.raises(PeersError, match="no functions" if evil == "function" else "bytes unpacked"):
        create_model(f"skops:{file}", Classes(("a", "b"), ("0", "1")), 0).answer(np.zeros((3, 2), np.float32))
    assert not mark.exists()
