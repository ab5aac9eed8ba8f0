"""An audit of a real server that hangs, talks nonsense, dies or stumbles: a grade, a retry or one line, no crash."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from klopf.audit.desk import Case, Subject, examine
from klopf.errors import AuditError
from klopf.peers import Classes, Text, create_model

TASK = Classes(("a", "b", "c"), ("low", "high"))
INPUTS = np.random.default_rng(0).normal(size=(160, 3)).astype(np.float32)
TARGETS = (INPUTS[:, 0] > 0).astype(np.int64)
CASE = Case(TASK, INPUTS, TARGETS)
TASKS = ("accuracy", "confidence", "calibration", "robustness", "shift", "constancy")


def well(rows):
    return [[0.1, 0.9] if row[0] > 0 else [0.9, 0.1] for row in rows]


class Server:
    """``does(handler, inputs, turn)`` answers the ``turn``-th request, from 0."""

    def __init__(self, does):
        self.turn, lock = 0, threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
                with lock:
                    turn, outer.turn = outer.turn, outer.turn + 1
                does(self, asked, turn)

            def log_message(self, *_):
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.httpd.handle_error = lambda *_: None  # whom nobody waits for any longer
        self.url = f"http://127.0.0.1:{self.httpd.server_port}/answer"

    def __enter__(self):
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.httpd.shutdown()
        self.httpd.server_close()


def says(handler, content, status=200):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def audited(server, *, case=CASE, tasks=TASKS, seconds=0.4, cores=1, tries=2, ordinary=None):
    model = create_model(server.url, case.task, 0, {"seconds": seconds})
    other = None if ordinary is None else create_model(ordinary.url, case.task, 0, {"seconds": seconds})
    return examine(Subject("far", case.task, model, tries=tries, ordinary=other), case, tasks, cores=cores)


def test_a_sound_server_gets_its_grade():
    with Server(lambda h, x, turn: says(h, {"answers": well(x)})) as server:
        card = audited(server, seconds=20.0, cores=3)
    assert card.quality.letter == "A" and len(card.findings) == len(TASKS)


@pytest.mark.parametrize(
    ("does", "why"),
    [
        (lambda h, x, turn: server_hangs(h), "does not answer in time"),
        (lambda h, x, turn: says(h, b"<html>moo</html>"), "no JSON"),
        (lambda h, x, turn: says(h, {"answers": well(x)[:-1]}), "must answer"),
        (lambda h, x, turn: says(h, {"answers": [[float("nan"), 1.0]] * len(x)}), "far"),
        (lambda h, x, turn: says(h, {"answers": [[7.0, -6.0]] * len(x)}), "far"),
        (lambda h, x, turn: says(h, {"answers": ["nobody"] * len(x)}), "far"),
        (lambda h, x, turn: says(h, {"answers": [{}] * len(x)}), "far"),
        (lambda h, x, turn: says(h, b"[" * 100_000), "far"),
        (lambda h, x, turn: says(h, {"error": "no"}, 500), "cannot now"),
        (lambda h, x, turn: says(h, {"error": "no"}, 403), "key is refused"),
        (lambda h, x, turn: h.connection.close(), "far"),
    ],
    ids=[
        "hangs",
        "markup",
        "too few",
        "nan",
        "no probabilities",
        "no class",
        "objects",
        "deep",
        "500",
        "403",
        "closed",
    ],
)
def test_a_server_that_never_answers_right_is_one_line(does, why):
    with Server(does) as server, pytest.raises(AuditError, match="could not be examined at all") as error:
        audited(server)
    assert why in str(error.value) and "\n" not in str(error.value)


HANG = threading.Event()


def server_hangs(handler):
    HANG.wait(3)


def test_a_server_that_dies_in_the_middle_keeps_what_was_found_and_the_rest_is_not_tested():
    def dies(handler, asked, turn):
        if turn < 2:
            says(handler, {"answers": well(asked)})
        else:
            handler.connection.close()

    with Server(dies) as server:
        card = audited(server)
    assert {one.task for one in card.findings} <= set(TASKS) and card.findings
    assert len(card.findings) + len([name for name in card.not_tested if name in TASKS]) == len(TASKS)
    silent = [why for why in card.not_tested.values() if "is asked no more" in why]
    assert silent, card.not_tested  # it is not waited for again and again
    assert card.safety.why.endswith("were not tested")


def test_a_server_that_stumbles_is_asked_again_and_comes_to_the_same_card():
    def stumbles(handler, asked, turn):
        says(handler, {"answers": well(asked)}, 200 if turn % 8 else 503)

    with Server(stumbles) as shaky, Server(lambda h, x, turn: says(h, {"answers": well(x)})) as sound:
        cards = [audited(one, seconds=30.0, tries=3) for one in (shaky, sound)]
    assert cards[0].findings == cards[1].findings and len(cards[0].findings) == len(TASKS)


def test_a_server_that_answers_auditors_well_and_others_badly_is_at_fault():
    turned = Server(lambda h, x, turn: says(h, {"answers": [row[::-1] for row in well(x)]}))
    with Server(lambda h, x, turn: says(h, {"answers": well(x)})) as server, turned as other:
        card = audited(server, tasks=("constancy",), seconds=20.0, ordinary=other)
    assert card.findings[0].verdict == "fault" and card.safety.letter == "C"


def test_a_text_server_that_says_numbers_is_one_line():
    case = Case(Text(("question",), ("answer",)), np.array([f"What is {i}?" for i in range(20)]), np.array(["x"] * 20))
    with Server(lambda h, x, turn: says(h, {"answers": [1] * len(x)})) as server, pytest.raises(AuditError) as error:
        audited(server, case=case, tasks=("likeness",))
    assert "\n" not in str(error.value)


def test_a_server_that_takes_its_time_is_asked_no_more_after_that():
    """What it said until then stands; the rest is not tested, and nobody waits for ever."""

    def slow(handler, asked, turn):
        HANG.wait(0.3)
        says(handler, {"answers": well(asked)})

    with Server(slow) as server:
        model = create_model(server.url, TASK, 0, {"seconds": 20.0})
        card = examine(Subject("far", TASK, model, patience=0.2), CASE, ["accuracy", "robustness"], cores=1)
    assert [one.task for one in card.findings] == ["accuracy"]
    assert "took more than 0.2 s for its answers" in card.not_tested["robustness"]
