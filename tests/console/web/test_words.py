"""Whatever the page says, each language has; and nothing is markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from klopf.console import web
from klopf.console.web.acts import ACTS, Act
from klopf.console.web.views import alarms, happened, jobs, lending, money, underway, votes
from klopf.ledger import ProposalState
from klopf.neuron import Standing

STATIC = Path(web.__file__).with_name("static")
MODULES = sorted(STATIC.glob("*.js"))


def english() -> set[str]:
    """All that the page can say, but what a network says."""
    said = {words for module in MODULES for words in re.findall(r'\bt\("((?:[^"\\]|\\.)+)"', module.read_text())}
    for name in web.VIEWS.shipped:
        view = web.VIEWS.load(name)
        said |= {view.title, view.lead, *(column.title for column in view.columns)}
    said |= {f"is {standing.name.lower()} now" for standing in Standing} | {
        standing.name.lower() for standing in Standing
    }
    said |= set(re.findall(r'e\.\w+, "([^"]+)"', Path(happened.__file__).read_text()))
    said |= {state for view in (jobs, votes) for state in view.STATES.values()}
    said |= {*alarms.WHAT, *underway.STEPS.values(), *money.ROLES}
    said |= {state.name.lower() for state in ProposalState} | set(lending.STATES)
    acts: list[type[Act]] = [ACTS.load(name) for name in ACTS.shipped]
    said |= {text for act in acts for text in (act.title, act.lead, *(field.title for field in act.fields))}
    return said - {""}


@pytest.mark.parametrize("file", sorted((STATIC / "languages").glob("*.json")), ids=lambda file: file.stem)
def test_a_language_has_all_that_the_page_says(file: Path):
    words = json.loads(file.read_text())
    assert english() <= set(words), sorted(english() - set(words))
    for said, other in words.items():
        assert set(re.findall(r"{\w+}", said)) == set(re.findall(r"{\w+}", other)), said
    assert f"{file.stem}:" in (STATIC / "words.js").read_text(), "a line in words.js makes it known"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_nothing_makes_markup_of_text(module: Path):
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", module.read_text()
    )


def test_the_page_asks_for_all_its_modules_at_once():
    """Else each is asked for when another one that needs it has come: a first look waits for them all."""
    needed, found = ["app.js"], set[str]()
    while needed:
        said = set(re.findall(r'from "\./(\w+\.js)"', (STATIC / needed.pop()).read_text())) - found
        found |= said
        needed += said
    assert set(re.findall(r'modulepreload" href="/static/(\w+\.js)"', (STATIC / "index.html").read_text())) == found


def test_what_is_vendored_has_its_licence():
    for library in (STATIC / "vendor").glob("*.js"):
        name = library.name.split(".")[0]
        assert "MIT" in (STATIC / f"vendor/{name}.LICENSE").read_text()
