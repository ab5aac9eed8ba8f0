"""The twin shown from end to end: its report says what came of it, and pictures are SVG."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from klopf.errors import TwinError
from klopf.twin import _demo, changes, front, play, steps


@pytest.mark.parametrize(
    "drawn",
    [front({"a<b": (1.0, 2.0), "b": (2.0, 1.0), "c": (3.0, 3.0)}, [True, True, False], "money", "kg"),
     front({"one": (1.0, 1.0)}, [True], "money", "kg"),
     changes([1.0, -0.5], [-0.5, 0.5], "who"), changes([], [], "who"),
     steps({"a": [0.0, 1.0], "b": [2.0]}, 1.0, "when"), steps({"a": []}, 1.0, "when")],
)  # fmt: skip
def test_what_is_drawn_is_an_image(drawn):
    assert ElementTree.fromstring(drawn).tag.endswith("svg") and "nan" not in drawn


def test_the_front_is_joined_and_filled():
    drawn = ElementTree.fromstring(front({"a": (1, 2), "b": (2, 1), "c": (3, 3)}, [True, True, False], "x", "y"))
    space = "{http://www.w3.org/2000/svg}"
    assert len(drawn.find(f"{space}polyline").get("points").split()) == 2
    assert [one.get("fill") for one in drawn.findall(f"{space}circle")].count("#fff") == 1


@pytest.mark.long
def test_it_is_played_from_end_to_end(tmp_path):
    said = play(tmp_path / "demo", 0)
    page = (tmp_path / "demo/report.html").read_text()
    HTMLParser().feed(page)
    assert page.count("<svg") == 3 and all(name in page for name in _demo._POLICIES)
    assert said["drill"]["trained"]["hours"] < said["drill"]["today's rules"]["hours"]
    assert "storm" in said["chain"][0].lower() or "power: line" in "".join(said["chain"])
    assert json.loads((tmp_path / "demo/verdict.json").read_text())["released"] == said["released"]
    with pytest.raises(TwinError, match="is there already"):
        play(tmp_path / "demo")
