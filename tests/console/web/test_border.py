"""Only whoever has the link reads the page, from this machine, and nothing of a stranger's runs in it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from klopf.console import web
from klopf.console.web._server import Page
from klopf.console.web._source import Source
from tests.console.web.network import HOSTILE, TOKEN, Small, get, served


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    small = Small(tmp_path_factory.mktemp("small"))
    small.play()
    with served(small.source) as url:
        while json.loads(get(f"{url}/api/state")[1])["behind"]:
            pass
        yield url


PATHS = [
    "/",
    "/api/state",
    "/api/news",
    "/api/epoch/1",
    "/api/explain/1/1",
    "/api/payments/1",
    "/api/table/neurons.csv",
    "/static/app.js",
]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_read_without_the_token(page: str, path: str):
    assert get(page + path, cookie="")[0] == 401
    assert get(page + path, cookie=f"klopf-{page.split(':')[2]}=wrong")[0] == 401
    assert get(page + path, host="evil.example")[0] == 403, "a name that leads here is another's page"
    assert get(page + path, origin="http://evil.example")[0] == 403


def test_another_page_may_not_ask_with_our_cookie(page: str):
    assert get(page + "/api/state", sec_fetch_site="cross-site")[0] == 403
    assert get(page + "/api/state", sec_fetch_site="same-origin", origin=page)[0] == 200


def test_the_link_becomes_a_cookie_that_scripts_cannot_read(page: str):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):  # type: ignore[no-untyped-def]
            return None

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(Stay).open(f"{page}/?token={TOKEN}")
    assert caught.value.code == 303 and caught.value.headers["location"] == "/"
    cookie = caught.value.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie


def test_the_policy_lets_no_script_in_but_files_of_its_own(page: str):
    status, text, headers = get(page + "/")
    policy = headers["content-security-policy"]
    assert status == 200 and "script-src 'self';" in policy and "default-src 'none'" in policy
    assert "unsafe" not in policy and "<script>" not in text
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"


def test_each_of_the_pages_own_files_comes_as_it_is(page: str):
    static = Path(web.__file__).with_name("static")
    kinds = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}
    for file in filter(Path.is_file, static.rglob("*")):
        status, text, headers = get(f"{page}/static/{file.relative_to(static).as_posix()}")
        assert (status, text) == (200, file.read_text()), file
        assert headers["content-type"].startswith(kinds.get(file.suffix, "text/")), file
        assert headers["x-content-type-options"] == "nosniff"


def test_a_history_is_read_on_however_much_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("klopf.console.web._server.PATIENCE", 0.05)
    made = Page(Source("made", "nowhere", None), TOKEN, 1)  # type: ignore[arg-type]
    made._asked_at = time.monotonic() + 3_600
    asyncio.run(made._quiet())
    made._asked_at = time.monotonic() - 3_600
    asyncio.run(made._quiet())
    made.follower.close()


def test_a_table_as_a_file_says_what_the_page_says(page: str):
    rows = list(csv.reader(io.StringIO(get(page + "/api/table/neurons.csv")[1])))
    assert rows[0][:4] == ["neuron", "model", "standing", "heard"]
    assert [row[0] for row in rows[1:]] == ["anna", HOSTILE]
    assert get(page + "/api/table/nothing.csv")[0] == 404


def test_why_somebody_was_paid_is_what_explain_says(page: str):
    status, text, _ = get(page + "/api/explain/2/1")
    said = json.loads(text)
    assert status == 200 and said["said"]["amount"].startswith("1000") and "in epoch 1" in said["text"]
    status, text, _ = get(page + "/api/explain/2/99")
    assert status == 404 and "choose 1 to 1" in json.loads(text)["error"]


def test_news_come_as_they_happen_and_go_on_where_a_reader_was(page: str):
    life = json.loads(get(page + "/api/state")[1])["life"]
    assert heard(page, f"{life}.0")[2].startswith(f"id: {life}.1")


@pytest.mark.parametrize("since", ["", "3", "another-life.3", ".", f"x.{'9' * 50}", "\u0661.\u0661"])
def test_who_knows_another_reading_of_the_history_is_told_to_ask_again(page: str, since: str):
    assert "event: again" in "".join(heard(page, since))


def heard(page: str, since: str) -> list[str]:
    """The first lines of the news since then."""
    cookie = f"klopf-{page.split(':')[2]}={TOKEN}"
    asked = urllib.request.Request(f"{page}/api/news?since={quote(since)}", headers={"cookie": cookie})
    with urllib.request.urlopen(asked, timeout=20) as stream:
        return [stream.readline().decode() for _ in range(5)]


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "9" * 18, "9" * 30, "9" * 5_000, "%2e%2e%2fpage.json", "\u0661"])
def test_a_link_to_a_senseless_number_is_told_so(page: str, number: str):
    for path in (f"/api/epoch/{number}", f"/api/explain/{number}/{number}", f"/api/explain/2/{number}"):
        status, text, _ = get(page + quote(path, safe="/%"))
        assert status == 404 and ("error" in text or "%2f" in number), path
    assert get(page + quote(f"/api/payments/{number}", safe="/%"))[0] in (200, 404)


@pytest.mark.parametrize(
    "path", ["../_border.py", "..%2f_border.py", "%2e%2e/_border.py", "/etc/passwd", "..\\view.py"]
)
def test_no_path_leads_out_of_the_pages_own_files(page: str, path: str):
    assert get(f"{page}/static/{path}")[0] == 404
    assert get(f"{page}/api/table/{path}.csv")[0] == 404
