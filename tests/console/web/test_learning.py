"""Learning curves in a browser: as they grow, whoever wrote them, on every screen."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from klopf.console import curves, main
from klopf.console.curves import Curves
from klopf.console.web._learning import Learning
from klopf.console.web._panel import panel
from tests.conftest import free_port
from tests.console.web.network import HOSTILE, TOKEN, get


def klopf(words: list[str]) -> int:
    """The status that `klopf` ends with."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(str(ended.value.code))


def shown(file: Path) -> contextlib.AbstractContextManager[str]:
    """The address of a page of a file of curves."""
    return panel_shown("curves.html", Learning(file).routes)


@contextlib.contextmanager
def panel_shown(page: str, routes: Any) -> Iterator[str]:
    """The address of a page of something that is no network."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(panel(page, routes, TOKEN, port), log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, args=([socket.create_server(("127.0.0.1", port))],))
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "cart" / "curves.jsonl"
    made.parent.mkdir()
    with Curves(made) as kept:
        for step in range(1, 50):
            for seed in (0, 1):
                kept.put(f"return, seed {seed}", 100 * step, step * (1 + seed))
            kept.put(f"reward a step, {HOSTILE}", 100 * step, 1 / step)
    return made


def test_only_what_is_new_is_said(file: Path):
    with shown(file) as url:
        assert get(f"{url}/api/curves", cookie="")[0] == 401
        said = json.loads(get(f"{url}/api/curves")[1])
        assert said["name"] == "cart" and len(said["points"]) == 147 and not said["again"]
        with Curves(file) as kept:
            kept.put("return, seed 0", 5_000, 7)
        more = json.loads(get(f"{url}/api/curves?since={said['next']}")[1])
        assert more["points"] == [["return, seed 0", 5_000, 7.0]]
        assert json.loads(get(f"{url}/api/curves?since={10**12}")[1])["again"], (
            "another file is read from its beginning"
        )
        rows = get(f"{url}/api/curves.csv")[1].splitlines()
        assert rows[0] == "series,step,value" and len(rows) == 149
        file.unlink()
        assert get(f"{url}/api/curves")[0] == 404


def test_a_folder_without_curves_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert klopf(["page", str(tmp_path)]) == 2
    assert "run.json" in capsys.readouterr().err
    (tmp_path / "curves.jsonl").write_text("")
    assert klopf(["page", str(tmp_path), "--key", "key.json"]) == 2
    assert "leave --key out" in capsys.readouterr().err


def test_what_learns_leaves_its_curves(tmp_path: Path):
    pytest.importorskip("gymnasium", reason='pip install "klopf[rl]": no agent lives here')
    assert klopf(["learn", "CartPole-v1", "--steps", "3000", "--save", str(tmp_path / "cart")]) == 0
    points, _ = curves.read(tmp_path / "cart" / "curves.jsonl")
    assert {name for name, _, _ in points} >= {"return, seed 0", "steps a second, seed 0"}
    assert max(step for _, step, _ in points) <= 3_000


def test_a_benchmark_leaves_its_curves(tmp_path: Path):
    asked = ["bench", "regression", "--steps", "2000", "--seeds", "1", "--learners", "backprop", "--resume"]
    for _ in range(2):  # done already: the same curve, not twice
        assert klopf([*asked, str(tmp_path / "runs.jsonl")]) == 0
        points, _ = curves.read(tmp_path / "runs.jsonl.curves.jsonl")
        steps = [step for _, step, _ in points]
        assert len({name for name, _, _ in points}) == 1 and points[0][0].startswith("error, backprop")
        assert steps == sorted(set(steps)) and steps[-1] == 2_000


def test_a_benchmark_tells_its_curves_while_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from klopf.mind import bench

    file, sizes = tmp_path / "runs.jsonl.curves.jsonl", list[int]()
    made = bench.run

    def watched(r: Any, tick: Any, told: Any) -> Any:
        def tells(step: int, error: float) -> None:
            told(step, error)
            sizes.append(len(curves.read(file)[0]))

        return made(r, tick, tells)

    monkeypatch.setattr(bench, "run", watched)
    asked = ["bench", "regression", "--steps", "60000", "--seeds", "1", "--learners", "backprop", "--resume"]
    assert klopf([*asked, str(tmp_path / "runs.jsonl")]) == 0
    assert len(sizes) > 3 and sizes == list(range(1, len(sizes) + 1)), "a point a block, as it ends"
    points, _ = curves.read(file)
    assert len(points) == len(sizes) and points[-1][1] == 60_000


playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright: no browser is tried")
from tests.console.web.test_browser import AXE, CHROMIUM, pytestmark, until  # noqa: E402

in_browser = pytestmark
del pytestmark


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def marked(test: Any) -> Any:
    for mark in in_browser:
        test = mark(test)
    return test


@marked
@pytest.mark.parametrize("scheme,width", [("light", 360), ("dark", 768), ("light", 1440)])
def test_the_curves_in_a_browser(chromium: Any, file: Path, scheme: str, width: int):
    with shown(file) as url:
        screen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "reduced_motion": "reduce"}
        page = chromium.new_page(accept_downloads=True, **screen)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
        page.goto(f"{url}/?token={TOKEN}")
        until(page, "document.querySelectorAll('.chart canvas').length === 2")
        assert page.locator("h1").inner_text() == "cart" and page.locator("main img").count() == 0
        assert HOSTILE in page.inner_text("main")
        with Curves(file) as kept:
            kept.put("return, seed 1", 6_000, 77)
        until(page, "document.querySelector('main').innerText.includes('6,000')")
        page.get_by_label("return, seed 0").focus()
        page.keyboard.press("Space")
        until(page, "location.hash.includes('hide=return')")
        assert page.evaluate("document.activeElement.type") == "checkbox", "the keyboard stays where it was"
        page.reload()
        until(page, "document.querySelectorAll('.chart canvas').length === 2")
        assert not page.get_by_label("return, seed 0").is_checked(), "the link has the state"
        with page.expect_download() as got:
            page.get_by_role("button", name="PNG").first.click()
        assert (
            Path(got.value.path()).read_bytes().startswith(b"\x89PNG") and got.value.suggested_filename == "return.png"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if AXE.exists():
            page.evaluate(AXE.read_text())
            found = page.evaluate("axe.run().then((said) => said.violations)")
            assert not [one["id"] for one in found if one["impact"] in ("serious", "critical")]
        page.select_option("#language", "zh")
        until(page, "document.querySelector('main').innerText.includes('回报')")
        assert not faults
        page.close()
