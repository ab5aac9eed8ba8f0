"""``klopf picture``: a network of five, fifty and five hundred as a file that can be read."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest

from klopf.console.cli.picture import _png, _svg
from tests.network.test_panels import many

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("count", [5, 50, 500])
def test_as_svg(count: int):
    root = ElementTree.fromstring(_svg(many(count)))
    said = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    summary = many(count)
    first = max(summary.neurons, key=lambda row: (row.heard, -row.id))
    assert first.name in said, "who is heard most has its name"
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert all(any(title.startswith(f"{row.name}:") for title in titles) for row in summary.neurons)
    assert len(list(root.iter(f"{SVG}path"))) <= 12 * 12 + 1 + count, "arrows that can be told apart"


@pytest.mark.parametrize("count", [5, 50, 500])
def test_as_png(count: int):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed: no PNG")
    from matplotlib.image import imread

    drawn = imread(io.BytesIO(_png(many(count))))
    assert drawn.shape[:2] == (1155, 1600)
    paper = np.abs(drawn[..., :3] - drawn[0, 0, :3]).max(axis=2) < 0.02
    assert 0.02 < 1 - paper.mean() < 0.9, "something is drawn, and there is room between"
    assert paper[:4].all() and paper[-4:].all(), "nothing is cut off"
    if count > 12:
        assert not paper[60:700, 1215:].all(), "the first have their names beside it"
