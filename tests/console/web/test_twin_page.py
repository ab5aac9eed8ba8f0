"""A recorded world in a browser: lived once more as it was, at every moment, with who wins and who loses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf import twin
from klopf.console.web import _relived
from klopf.console.web._relived import Relived
from klopf.console.web._twin import TwinPage
from klopf.errors import TwinError
from tests.console.web.network import TOKEN, get
from tests.console.web.test_browser import AXE, CHROMIUM, pytestmark, until
from tests.console.web.test_learning import chromium, klopf, marked, panel_shown

__all__ = ["CHROMIUM", "chromium", "pytestmark"]
del pytestmark
DAYS = 4


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("twin") / "world.npz"
    assert klopf(["twin", "new", str(made), "--households", "12", "--scenario", "storm"]) == 0
    assert klopf(["twin", "run", str(made), "--days", str(DAYS)]) == 0
    return made


def whole(url: str) -> dict[str, Any]:
    """All that the page is told."""
    life, frames = "", []
    for _ in range(3000):
        said = json.loads(get(f"{url}/api/twin?since={len(frames)}&life={life}")[1])
        life, frames = said["life"], [*frames, *said["frames"]]
        if (said["over"] and not said["more"]) or said["trouble"]:
            return {**said, "frames": frames}
        time.sleep(0.02)
    raise AssertionError("never came to its end")


def test_each_moment_is_as_it_was_recorded(file: Path):
    recorded = twin.World.load(file)
    world = Relived(file)
    frames = list(world.frames())
    assert world.worlds[0].digest() == recorded.digest(), "the same world, to the bit"
    assert [frame["step"] for frame in frames] == list(range(24 * DAYS + 1))
    assert frames[-1]["up"] == recorded.sectors["power"].state["up"].tolist() and world.other == "nothing"
    assert any(0 in frame["up"] for frame in frames), "a storm breaks lines"
    beside = twin.World.load(file, fresh=True).run(24 * DAYS, twin.policy_called("nothing"))
    mine, other = twin.outcome(recorded).has, twin.outcome(beside).has
    assert world.gain().tolist() == pytest.approx([one - two for one, two in zip(mine, other, strict=True)])
    assert frames[-1]["gain"] + frames[-1]["lose"] <= 12 and frames[0]["gain"] == frames[0]["lose"] == 0


def test_a_long_record_has_fewer_frames(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_relived, "FRAMES", 10)
    frames = list(Relived(file).frames())
    assert len(frames) <= 11 + 1 and frames[-1]["step"] == 24 * DAYS


def test_a_world_of_somebodys_own_policy_starts_nothing(file: Path, tmp_path: Path):
    world = twin.World.load(file)
    world.lived[0] = ("evil:Policy", 3)
    world.save(tmp_path / "odd.npz")
    with pytest.raises(TwinError, match="none of Klopf's policies"):
        Relived(tmp_path / "odd.npz")
    (tmp_path / "none.npz").write_bytes(b"PK no world")
    for name in ("odd.npz", "none.npz"):
        with panel_shown("twin.html", TwinPage(tmp_path / name).routes) as url:
            assert whole(url)["trouble"]


def test_tables_are_files_and_a_world_that_lives_on_is_read_again(file: Path, tmp_path: Path):
    copy = tmp_path / "world.npz"
    copy.write_bytes(file.read_bytes())
    with panel_shown("twin.html", TwinPage(copy).routes) as url:
        assert get(f"{url}/api/twin", cookie="")[0] == 401
        assert len(whole(url)["frames"]) == 24 * DAYS + 1
        rows = get(f"{url}/api/twin/households.csv")[1].splitlines()
        assert rows[0] == "household,bus,gain" and len(rows) == 13
        assert get(f"{url}/api/twin/record.csv")[1].count("\n") == len(twin.World.load(copy).record) + 1
        assert get(f"{url}/api/twin/odd.csv")[0] == 404
        twin.World.load(copy).run(24).save(copy)
        assert len(whole(url)["frames"]) == 24 * (DAYS + 1) + 1


@pytest.fixture
def url(file: Path) -> Iterator[str]:
    with panel_shown("twin.html", TwinPage(file).routes) as made:
        whole(made)
        yield made


@marked
@pytest.mark.parametrize("scheme,width", [("light", 360), ("dark", 768), ("light", 1440), ("dark", 360)])
def test_the_world_in_a_browser(chromium: Any, file: Path, url: str, scheme: str, width: int):
    screen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = chromium.new_page(accept_downloads=True, **screen)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
    page.goto(f"{url}/?token={TOKEN}")
    until(page, "document.querySelectorAll('.twin-map circle').length === 17")
    world = twin.World.load(file)
    assert world.now.when in page.inner_text("#time") and "Storm" in page.inner_text("#time")
    page.locator("#time input").focus()
    page.keyboard.press("Home")
    until(page, "document.querySelector('#time').innerText.includes('day 0 00:00')")
    assert "0 gain and 0 lose" in page.inner_text("#wins") and "step=0" in page.url
    struck = next(one.step for one in world.record if "lines" in one.what) + 1
    page.evaluate(f"location.hash = '#/?step={struck}'")
    until(page, "document.querySelectorAll('.twin-map .open').length > 0")
    assert page.locator(".twin-map .cross").count() > 0, "what is dark is crossed out, too"
    page.reload()
    until(page, "document.querySelectorAll('.twin-map .open').length > 0")
    page.evaluate(f"location.hash = '#/?step={world.step}'")
    page.locator("#happened button").first.click()
    until(page, "document.querySelectorAll('#happened ol li').length > 1")
    page.get_by_role("button", name="Play").click()
    until(page, "location.hash.includes('step=3')")
    page.get_by_role("button", name="Stop").click()
    with page.expect_download() as got:
        page.locator("#wins a").click()
    assert got.value.suggested_filename == "households.csv"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#flows tbody tr").count() >= 5 and page.locator("main img, main script").count() == 0
    if AXE.exists():
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then((said) => said.violations)")
        assert not [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    page.select_option("#language", "zh")
    until(page, "document.querySelector('#wins h2').innerText === '谁得谁失'")
    assert not faults
    page.close()
