"""The classroom's Sudoku in a browser: covered, asked for, uncovered; a cheat is caught, and nothing else is told."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from klopf.console.cli.sudoku import EXAMPLE
from klopf.console.web._sudoku import SudokuPage
from klopf.proof import sudoku as room
from tests.console.web.network import TOKEN, get
from tests.console.web.test_browser import AXE, CHROMIUM, pytestmark, until
from tests.console.web.test_learning import chromium, marked, panel_shown

__all__ = ["CHROMIUM", "chromium", "pytestmark"]
del pytestmark
PUZZLE = room.Puzzle.parse(EXAMPLE)


@pytest.fixture
def url() -> Iterator[str]:
    with panel_shown("sudoku.html", SudokuPage(PUZZLE, random.Random(1)).routes) as made:
        yield made


def post(url: str, path: str, said: Any) -> tuple[int, dict[str, Any]]:
    cookie = f"klopf-{url.split(':')[2]}={TOKEN}"
    asked = urllib.request.Request(url + path, json.dumps(said).encode(), {"cookie": cookie, "origin": url})
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_an_honest_prover_is_never_caught_and_shows_no_number(url: str):
    solution = "".join(map(str, PUZZLE.solution().cells))
    seen, told = set(), ""
    for challenge in range(room.KINDS):
        status, said = post(url, "/api/sudoku/ask", {"challenge": challenge})
        told += json.dumps(said)
        assert status == 200 and not said["caught"] and said["asked"] == room.named(challenge)
        if challenge < 27:
            assert sorted(said["shown"].values()) == list("ABCDEFGHI")
        seen.add(said["opened"])
        assert said["opened"] != said["root"], "a grid is opened once"
    assert len(seen) == room.KINDS and solution not in told
    assert post(url, "/api/sudoku", {})[1]["passes"] == pytest.approx(float(1 - room.CAUGHT) ** room.KINDS)


@pytest.mark.parametrize("against", ["cheat", "other"])
def test_a_cheat_is_caught_but_in_the_classroom(url: str, against: str):
    assert post(url, "/api/sudoku", {"against": against})[0] == 200
    said = post(url, "/api/sudoku/ask", {"rounds": 1000})[1]
    assert said["caught"] and said["rounds"] < 1000
    post(url, "/api/sudoku", {"against": against, "classroom": True})
    said = post(url, "/api/sudoku/ask", {"rounds": 200})[1]
    assert not said["caught"] and said["passes"] == 1.0 and len(said["asks"]) == 18


@pytest.mark.parametrize("said", [
    {"challenge": 28}, {"challenge": -1}, {"challenge": "1"}, {"rounds": 0}, {"rounds": 10**9}, {"rounds": True},
    {"challenge": 1.5},
])  # fmt: skip
def test_what_cannot_be_asked_is_refused(url: str, said: Any):
    assert post(url, "/api/sudoku/ask", said)[0] == 400
    assert post(url, "/api/sudoku", {"against": "nobody"})[0] == 400
    assert post(url, "/api/sudoku", [1])[1]["rounds"] == 0
    assert get(f"{url}/api/sudoku", cookie="")[0] == 401


@marked
@pytest.mark.parametrize("scheme,width", [("light", 360), ("dark", 768), ("light", 1440)])
def test_the_game_in_a_browser(chromium: Any, url: str, scheme: str, width: int):
    screen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = chromium.new_page(**screen)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
    page.goto(f"{url}/?token={TOKEN}")
    until(page, "document.querySelectorAll('.board .covered').length === 81")
    page.get_by_role("button", name="row 4").focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.board .shown').length === 9")
    letters = page.locator(".board .shown").all_inner_texts()
    assert sorted(letters) == list("ABCDEFGHI") and page.locator(".board .covered").count() == 72
    assert "round 1" in page.inner_text(".told") and "0.93" in page.inner_text(".told")
    if AXE.exists():
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then((said) => said.violations)")
        assert not [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("Who proves").select_option("cheat")
    until(page, "document.querySelector('.told').innerText.includes('covered')")
    for _ in range(5):
        if page.locator(".bad").count() == 0:
            page.get_by_role("button", name="100 rounds at random").click(timeout=3000)
            page.wait_for_timeout(500)
    until(page, "document.querySelector('.told').innerText.includes('caught in round')")
    page.get_by_label("as in the classroom").check()
    until(page, "document.querySelectorAll('.ask button').length === 18")
    page.select_option("#language", "zh")
    until(page, "document.querySelector('h1').innerText === '不出示答案地证明数独'")
    assert not faults
    page.close()
