"""Statements that are nearly the same are found by their letters, in any language, or by a text model."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from klopf import dao
from klopf.errors import DaoError

TEXTS = (
    "Cyclists should wear a helmet.",
    "cyclists should wear  a HELMET!",
    "Every cyclist should wear a helmet",
    "Parking in the centre costs too little.",
    "Uber是派計程車，談不上共乘",
    "Uber 是派計程車 談不上共乘。",
    "",
    "?!",
)


def test_the_same_said_a_little_differently_is_found():
    found = {(one.first, one.second): one.likeness for one in dao.alike(TEXTS, 0.5)}
    assert found[0, 1] == pytest.approx(1.0) and found[0, 2] > 0.6
    assert set(found) == {(0, 1), (0, 2), (1, 2), (4, 5)}


def test_it_knows_no_meaning():
    assert dao.alike(["The tax is fair to all of us", "The tax is not fair to all of us"], 0.6)
    assert not dao.alike(["The tax is fair to all of us", "Everybody pays what is just"], 0.6)


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a", "a"]])
def test_few_and_empty_texts(texts):
    assert all(0 < one.likeness <= 1 for one in dao.alike(texts))


@pytest.mark.parametrize("least", [0.0, -1.0, 1.1, float("nan")])
def test_what_is_no_likeness(least):
    with pytest.raises(DaoError, match="above 0 and at most 1"):
        dao.alike(TEXTS, least)


def test_at_a_terminal(tmp_path, capsys, klopf):
    (tmp_path / "votes.csv").write_text("comment-id,voter-id,vote\n0,1,1\n1,1,1\n2,1,-1\n")
    assert klopf("dao", "alike", str(tmp_path / "votes.csv")) == 2
    (tmp_path / "comments.csv").write_text("comment-id,comment-body\n" + "".join(f"{j},{TEXTS[j]}\n" for j in range(3)))
    assert klopf("dao", "alike", str(tmp_path / "votes.csv"), "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["statements"] == ["0", "1"]
    assert klopf("dao", "alike", str(tmp_path / "votes.csv")) == 0
    assert "1 pairs of 3 statements" in capsys.readouterr().out


def test_what_statements_are_about():
    found = dao.topics(TEXTS, 0.2)
    assert sorted(at for one in found for at in one) == list(range(len(TEXTS)))
    assert sorted(found[0]) == [0, 1, 2] and [4, 5] in [sorted(one) for one in found]
    assert dao.topics([]) == [] and dao.topics(["a"]) == [[0]] and dao.topics(["", ""]) == [[0], [1]]


def test_any_function_is_a_text_model():
    def length(texts):
        return [[len(text), 1.0] for text in texts]

    assert [(one.first, one.second) for one in dao.alike(["ab", "cd", ""], 0.99, length)] == [(0, 1)]
    assert sorted(map(sorted, dao.topics(["ab", "cd", "a long one"], 0.9, length))) == [[0, 1], [2]]


@pytest.mark.parametrize("rows", [[[1.0]], [1.0, 2.0], [[float("nan")], [1.0]]])
def test_a_text_model_that_gives_no_rows_is_named(rows):
    with pytest.raises(DaoError, match="not a row of numbers for each of 2 texts"):
        dao.alike(["a", "b"], by=lambda texts: rows)


@pytest.mark.parametrize("by", ["glove", "openai", "wordllama:x", "", "openai:http://127.0.0.1:1/v1", "openai:#small"])
def test_what_is_no_text_model(by):
    with pytest.raises(DaoError, match=r"choose letters, wordllama or openai|name an endpoint and its model"):
        dao.alike(TEXTS, by=by)


def test_more_texts_than_are_compared():
    for way in (dao.topics, lambda texts: dao.alike(texts, by=lambda texts: [[1.0]] * len(texts))):
        with pytest.raises(DaoError, match="3,000 are compared at once"):
            way(["a"] * 3_001)


@pytest.mark.extras
def test_the_same_in_other_words_is_found_by_words_that_a_package_ships():
    pytest.importorskip("wordllama")
    said = (
        "The minimum wage must go up.",
        "Salaries of low paid workers should rise.",
        "Cyclists should wear a helmet.",
        "Riding a bike without head protection is foolish.",
        "",
    )
    nearest = {(one.first, one.second) for one in dao.alike(said, 0.25, "wordllama")}
    assert nearest == {(0, 1), (2, 3)}
    assert not dao.alike(said, 0.25)
    assert dao.alike(["He is right", "He is not right"], 0.6, "wordllama")  # and no model of words tells that


class _Endpoint(BaseHTTPRequestHandler):
    """As OpenAI's embeddings and chat completions."""

    said: ClassVar[dict[str, object]] = {}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            rows = [
                {"index": i, "embedding": [float("tax" in t), float("bike" in t)]} for i, t in enumerate(body["input"])
            ]
            answer = self.said.get("embeddings", {"data": rows[::-1]})
        else:
            content = f'"The {len(body["messages"][1]["content"].splitlines())} of them\n agree."'
            answer = self.said.get("chat", {"choices": [{"message": {"content": content}}]})
        told = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(_Endpoint, "said", {})
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"openai:http://127.0.0.1:{server.server_port}/v1#small"
        server.shutdown()


def test_an_endpoint_of_embeddings_and_one_that_writes(endpoint):
    texts = ["a tax", "a bike", "the tax", "my bike", "our tax"]
    assert [(one.first, one.second) for one in dao.alike(texts, 0.9, endpoint)] == [(0, 2), (0, 4), (1, 3), (2, 4)]
    assert sorted(map(sorted, dao.topics(texts, 0.5, endpoint))) == [[0, 2, 4], [1, 3]]
    assert dao.suggested(endpoint, texts[:2]) == "The 2 of them agree."


@pytest.mark.parametrize(
    "answer", [{}, {"data": []}, {"data": [{"index": 0}]}, {"data": [{"index": 0, "embedding": "x"}]}, 7]
)
def test_an_endpoint_that_answers_nonsense_is_named(endpoint, monkeypatch, answer):
    monkeypatch.setattr(_Endpoint, "said", {"embeddings": answer, "chat": answer})
    with pytest.raises(DaoError, match=r"127\.0\.0\.1"):
        dao.alike(["a", "b"], by=endpoint)
    with pytest.raises(DaoError, match=r"127\.0\.0\.1"):
        dao.suggested(endpoint, ["a"])


def test_topics_at_a_terminal(tmp_path, capsys, klopf, endpoint):
    rows = [f"{j},{i},1" for i in range(12) for j in range(4)]
    (tmp_path / "votes.csv").write_text("comment-id,voter-id,vote\n" + "\n".join(rows) + "\n")
    assert klopf("dao", "topics", str(tmp_path / "votes.csv")) == 2
    texts = ["a tax", "the tax", "a bike", "my bike"]
    (tmp_path / "comments.csv").write_text(
        "comment-id,comment-body\n" + "".join(f"{j},{t}\n" for j, t in enumerate(texts))
    )
    asked = ["dao", "topics", str(tmp_path / "votes.csv"), "--by", endpoint, "--writer", endpoint]
    assert klopf(*asked, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["statements"] for one in told] == [["0", "1"], ["2", "3"]]
    assert told[0]["agreed"] == ["0", "1"] and told[0]["draft"] == "The 2 of them agree."
    assert klopf(*asked) == 0
    assert "on which nobody has voted: The 2 of them agree." in capsys.readouterr().out
    assert klopf(*asked[:-1], "somebody") == 2
