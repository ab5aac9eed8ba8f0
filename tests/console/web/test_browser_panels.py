"""Every panel in a real browser: on each screen, by keyboard alone, dark and light, as files, with markup in names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf import ledger
from klopf.console.web import VIEWS
from klopf.ledger import KLP
from tests.console.web.acting import Governed, waited
from tests.console.web.network import HOSTILE, TOKEN, get, served
from tests.console.web.test_browser import AXE, CHROMIUM, go, playwright, pytestmark, until  # noqa: F401

SCREENS = [(360, "light"), (768, "dark"), (1440, "light"), (360, "dark")]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Governed:
    folder = tmp_path_factory.mktemp("governed")
    made = Governed(folder)
    made.job()
    made.own["bert"].registry.change_model(made.ids["bert"], '"><script>evil()</script>')
    made.own["anna"].devices.mint(ledger.keys.new(), 4, 1, 8_192, bytes(32))
    made.dispute(folder / "receipts.jsonl")
    made.own["bert"].stake.unstake(made.ids["bert"], 20 * KLP)
    return made


@pytest.fixture(scope="module")
def url(net: Governed) -> Iterator[str]:
    with served(net.source) as made:
        waited(lambda: not json.loads(get(f"{made}/api/state")[1])["behind"])
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def opened(chromium: Any, url: str, faults: list[str], **how: Any) -> Any:
    page = chromium.new_page(**how)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{url}/?token={TOKEN}")
    page.wait_for_selector("#view-neurons tbody tr")
    return page


@pytest.mark.parametrize("width,scheme", SCREENS)
def test_every_panel_fits_and_can_be_read(chromium: Any, net: Governed, url: str, width: int, scheme: str):
    faults: list[str] = []
    screen = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = opened(chromium, url, faults, **screen)
    if AXE.exists():
        page.evaluate(AXE.read_text())
    for place in ("", "network", *VIEWS, f"neuron/{net.ids['bert']}", f"proposal/{net.proposal}", "proposal/x", "act"):
        go(page, place)
        if place.startswith("proposal/"):
            until(page, "document.querySelector('.proposal table, .proposal .bad') !== null")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        assert page.locator("main img").count() == page.locator("main script").count() == 0, place
        if AXE.exists():
            found = page.evaluate("axe.run().then((said) => said.violations)")
            grave = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
            assert not grave, (place, grave)
    assert not faults
    page.close()


def test_what_needs_somebody_is_first(chromium: Any, net: Governed, url: str):
    page = opened(chromium, url, [])
    said = page.locator("#view-alarms tbody tr").all_inner_texts()
    for what in ("a dispute is to be answered", "a vote is open", "stake thaws", "a job is to be reported on"):
        assert any(what in line for line in said), what
    assert page.locator(".overview > section").nth(1).get_attribute("id") == "view-alarms"
    go(page, f"neuron/{net.ids['bert']}")
    text = page.inner_text("main")
    assert "stake thaws" in text and '"><script>evil()</script>' in text and HOSTILE in text
    page.close()


@pytest.mark.parametrize("view", VIEWS.shipped)
def test_a_panel_is_walked_sorted_and_searched_by_keyboard(chromium: Any, url: str, view: str):
    page = opened(chromium, url, [])
    go(page, view)
    rows = page.locator(f"#view-{view} tbody tr")
    if rows.count():
        page.locator(f"#view-{view} th button").last.focus()
        page.keyboard.press("Enter")
        assert page.locator(f"#view-{view} th[aria-sort=descending]").count() == 1
        assert f"{view}.sort=" in page.url, "the link has the state"
        rows.first.focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.tagName") == "TR"
    page.locator(f"#view-{view} input[type=search]").focus()
    page.keyboard.type("nothing is called this")
    until(page, f"document.querySelectorAll('#view-{view} tbody tr').length === 0")
    page.close()


@pytest.mark.parametrize("view", VIEWS.shipped)
def test_a_panel_as_a_file_has_all_its_rows(url: str, view: str):
    state = json.loads(get(f"{url}/api/state")[1])["views"][view]
    rows = list(csv.reader(io.StringIO(get(f"{url}/api/table/{view}.csv")[1])))
    assert rows[0] == [column["title"] for column in state["columns"]] and len(rows) == len(state["rows"]) + 1
    assert not any(text[:1] in "=@" and len(text) > 1 for row in rows for text in row)


def test_small_tables_and_the_picture_are_files_too(chromium: Any, net: Governed, url: str):
    page = opened(chromium, url, [], accept_downloads=True)
    go(page, f"neuron/{net.ids['bert']}")
    with page.expect_download() as got:
        page.locator(".short:has(th:text-is('model')) .file").click()
    rows = list(csv.reader(io.StringIO(Path(got.value.path()).read_text())))
    assert rows[0] == ["since epoch", "model"] and rows[1][1] == '"><script>evil()</script>'
    go(page, "network")
    until(page, "window.klopfPicture?.graphData().nodes.length === 2")
    with page.expect_download() as got:
        page.get_by_role("button", name="PNG").click()
    assert Path(got.value.path()).read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as got:
        page.get_by_role("button", name="CSV: neurons").click()
    rows = list(csv.reader(io.StringIO(Path(got.value.path()).read_text())))
    assert rows[0][:2] == ["id", "neuron"] and {row[1] for row in rows[1:]} == {"anna", HOSTILE}
    page.close()
