"""The agents' tools and their door, without the model."""

import http.client
import json
import threading

import pytest

from klopf.language import KINDS, as_csv, drawn
from klopf.language._agents import Reader, calculated, lie
from klopf.language._questions import _DOCUMENTS
from klopf.language._server import _Handler, _Server


def test_questions_are_of_every_kind_and_drawn_from_the_seed():
    some = drawn(20, 3)
    assert [sum(one.kind == kind for one in some) for kind in KINDS] == [20] * 4
    assert some == drawn(20, 3) != drawn(20, 4) and len({one.text for one in drawn(50, 0)}) >= 195
    assert as_csv(some).splitlines()[0] == "question,answer" and len(as_csv(some).splitlines()) == 81


def test_every_sum_is_calculated_and_nothing_else():
    for one in drawn(50, 0):
        assert calculated(one.text) == (one.answer if one.kind == "sum" else None)


def test_the_reader_finds_the_sentence_that_has_the_answer():
    reader = Reader()
    words = [((reader.found(question) or "").lower(), answer.lower().split()[-1]) for question, answer in _DOCUMENTS]
    assert sum(answer in found for found, answer in words) >= 0.9 * len(words)


def test_the_reader_says_nothing_about_what_its_documents_do_not_tell_of():
    reader = Reader()
    found = {kind: [reader.found(one.text) is not None for one in drawn(50, 0) if one.kind == kind] for kind in KINDS}
    assert not any(found["capital"] + found["sum"]) and sum(found["opposite"]) <= 5 and all(found["document"])


def test_a_lie_is_another_answer_and_always_the_same():
    for one in drawn(50, 0):
        assert lie(one.answer) == lie(one.answer) != one.answer


@pytest.fixture
def door():
    handler = type("Shouts", (_Handler,), {"known": {"shout": str.upper}})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def posted(connection, body, path="/v1/chat/completions"):
    connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_it_answers_one_connection_again_and_again(door):
    connection = http.client.HTTPConnection("127.0.0.1", door)
    for text in ("hello", "again"):
        asked = {"model": "shout", "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": text}]}
        status, said = posted(connection, asked)
        assert status == 200 and said["choices"][0]["message"] == {"role": "assistant", "content": text.upper()}
        socket = connection.sock
        assert socket is not None  # kept
    connection.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[" * 20_000, 400),
        ({"model": "shout", "messages": []}, 400),
        ({"model": "shout", "messages": [{"content": ["a"]}]}, 400),
        ({"model": "shout", "messages": [{"content": "a" * 1001}]}, 400),
        ({"model": "who", "messages": [{"content": "a"}]}, 404),
        (b"x" * 70_000, 413),
        (b"", 404),
    ],
    ids=["no JSON", "deep", "no message", "no text", "long", "no such agent", "large", "empty"],
)
def test_what_is_no_question_is_refused(door, body, status):
    connection = http.client.HTTPConnection("127.0.0.1", door)
    refused, said = posted(connection, body)
    assert refused == status and "\n" not in said["error"]["message"]
    connection.close()
