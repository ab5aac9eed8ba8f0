"""A connection to an endpoint is kept for the next question, and opened anew where the server has ended it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from klopf.errors import PeersError
from klopf.peers.models._endpoint import Endpoint


@pytest.fixture
def there():
    """A server that notes from which connection each question comes; asked to "hang up", it ends that one after it."""
    seen, ended = [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(self.client_address[1])
            content = json.dumps({"asked": asked}).encode()
            self.send_response(500 if asked == "refuse" else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = asked == "hang up"  # of which the answer says nothing

        def finish(self):
            super().finish()
            ended.set()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", seen, ended
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_connection_is_used_again_and_again(there):
    url, seen, _ = there
    endpoint = Endpoint(url, 10)
    assert [endpoint.post(i) for i in range(5)] == [{"asked": i} for i in range(5)]
    assert len(seen) == 5 and len(set(seen)) == 1


def test_one_that_the_server_has_ended_is_opened_anew_at_once(there):
    url, seen, ended = there
    endpoint = Endpoint(url, 10)
    endpoint.post("hang up")
    assert ended.wait(10)
    assert endpoint.post("again") == {"asked": "again"} and len(set(seen)) == 2


def test_after_an_error_nothing_is_kept(there):
    url, seen, _ = there
    endpoint = Endpoint(url, 0.4)
    with pytest.raises(PeersError):
        endpoint.post("refuse")
    assert endpoint.post("well") == {"asked": "well"} and len(set(seen)) == 2


def test_threads_that_ask_at_once_have_a_connection_each(there):
    url, seen, _ = there
    endpoint = Endpoint(url, 10)
    found = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: endpoint.post(i)})) for i in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == {i: {"asked": i} for i in range(8)} and len(seen) == 8
