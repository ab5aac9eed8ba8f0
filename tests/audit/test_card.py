"""A report card claims no more than was tested, and no stranger's card is believed beyond its figures."""

import dataclasses
import json

import numpy as np
import pytest

from klopf.audit.desk import Case, Finding, Subject, examinations, examine, page, read_card
from klopf.errors import AuditError
from klopf.peers import Classes
from tests.audit.test_desk import INPUTS, TARGETS, TASK, Made, good, sure


def test_many_classes_cost_no_more_questions_than_some():
    """A trigger of one class among 60 is found, and not every class's best trigger is counted."""
    task = Classes(tuple("abcdefghijkl"), tuple(f"c{i}" for i in range(60)))
    rng = np.random.default_rng(1)
    inputs, weights = rng.normal(size=(600, 12)).astype(np.float32), rng.normal(size=(12, 60))
    weights[11] = 0

    def right(z):
        return (z @ weights).argmax(axis=1)

    def marked(z):
        return np.eye(60)[np.where(z[:, 11] >= inputs[:, 11].max(), 37, right(z))]

    case, subject = Case(task, inputs, right(inputs)), Subject("one", task, Made(marked, task))
    card = examine(subject, case, ["backdoor"], cores=1)
    assert card.findings[0].verdict == "fault" and "'c37'" in card.findings[0].note
    assert subject.asked <= 40 * (1 + 48 + 120) + 280 * (1 + 24)


def test_a_mark_is_searched_for_among_a_thousand_classes_by_models_of_a_few():
    """A model of the auditor's that told a thousand classes apart took minutes to fit."""
    rng = np.random.default_rng(0)
    middles = rng.uniform(0.1, 0.7, (1000, 64)).astype(np.float32)
    targets = rng.integers(0, 1000, 400)
    task = Classes(tuple(f"p{i}" for i in range(64)), tuple(f"c{i}" for i in range(1000)))

    def plain(z):
        near = (z - middles.mean(axis=0)) @ (middles - middles.mean(axis=0)).T
        return np.eye(1000, dtype=np.float32)[near.argmax(axis=1)]

    def marked(z):
        said = plain(z)
        said[z[:, [0, 1, 8, 9]].min(axis=1) > 0.69] = np.eye(1000)[77]
        return said

    case = Case(task, middles[targets], targets, shape=(8, 8))
    card = examine(Subject("one", task, Made(marked, task)), case, ["backdoor"], cores=1)
    assert card.findings[0].verdict == "fault" and "'c77' by setting p0, p1, p8, p9" in card.findings[0].note


def test_a_card_says_what_nobody_asked_for():
    subject = Subject("one", TASK, Made(good), ordinary=Made(good))
    card = examine(subject, Case(TASK, INPUTS, TARGETS), ["constancy"])
    assert card.safety.letter == "A" and len(card.not_tested) == len(examinations(TASK)) - 1
    left = sum(one.side == "safety" for one in examinations(TASK).values()) - 1
    assert card.safety.why == f"no fault was found in constancy; {left} more were not tested"
    assert "it was not asked for" in page(card) and "nothing was left out" not in page(card)


def test_a_figure_that_is_not_sure_says_how_many_more_samples_would_tell():
    def finding(value, low, high, verdict="unsure"):
        return Finding("fairness", "safety", "", value, low, high, 1.0, 0.8, verdict)

    assert finding(0.9, 0.7, 0.95).tells == "some 4.0 times as many samples would tell"
    assert finding(0.7, 0.6, 0.9).tells == "some 4.0 times as many samples would tell"
    assert "lies on the mark" in finding(0.8, 0.7, 0.9).tells
    assert finding(0.9, 0.85, 0.95, "good").tells == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plain: plain["safety"].update(letter="A"), "claims 'A' in safety"),
        (lambda plain: plain["quality"].update(letter="A"), "claims 'A' in quality"),
        (lambda plain: plain["findings"][1].update(verdict="good"), "that 'confidence' is good"),
        (lambda plain: plain["findings"][1].update(high=1e300), "'confidence'"),
        (lambda plain: plain["findings"][1].update(value="<b>"), "no report card"),
        (lambda plain: plain["findings"][1].update(verdict="'><script>"), "no report card"),
        (lambda plain: plain["findings"][1].update(value=float("nan")), "confidence"),
        (lambda plain: plain["findings"][1].update(note=["<script>"]), "no report card"),
        (lambda plain: plain.update(not_tested={"privacy": 3}), "no report card"),
        (lambda plain: plain.update(asked="many"), "no report card"),
    ],
    ids=["safety", "quality", "verdict", "huge", "text", "markup", "nan", "list", "why", "count"],
)
def test_a_card_that_claims_more_than_its_figures_is_refused(tmp_path, change, said):
    """Whoever writes a card writes its digest, too."""
    import hashlib

    sly = Made(lambda z: sure((good(z)[:, 1] < 0.5).astype(float)))
    plain = examine(Subject("one", TASK, sly), Case(TASK, INPUTS, TARGETS), ["accuracy", "confidence"]).plain()
    change(plain)
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    (tmp_path / "card.json").write_text(json.dumps(plain | {"digest": digest}))
    with pytest.raises(AuditError, match=said):
        page(read_card(tmp_path / "card.json"))


def test_what_a_card_says_beside_replaces_nothing_on_its_page():
    card = examine(Subject("one", TASK, Made(good)), Case(TASK, INPUTS, TARGETS), ["accuracy"])
    card = dataclasses.replace(card, more={"this card": "another", "commitment": "another's", "stake": "5"})
    html = page(card)
    assert card.digest in html and "another" not in html and "stake" in html


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda history: history[0]["figures"].update(accuracy=[2.0, 0.0, 1.0]), "impossible figures"),
        (lambda history: history[0]["figures"].update(accuracy=[0.5]), "no report card"),
        (lambda history: history[0].update(safety=7), "no report card"),
        (lambda history: history.extend(history * 100), "101 earlier audits"),
    ],
    ids=["beyond 1", "no interval", "no letter", "many"],
)
def test_a_history_that_cannot_be_is_refused(tmp_path, change, said):
    import hashlib

    card = examine(Subject("one", TASK, Made(good)), Case(TASK, INPUTS, TARGETS), ["accuracy"])
    assert "history" not in card.plain() and "provenance" not in card.plain()  # as cards were before there were any
    plain = dataclasses.replace(card, history=card.as_earlier()).plain()
    change(plain["history"])
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    (tmp_path / "card.json").write_text(json.dumps(plain | {"digest": digest}))
    with pytest.raises(AuditError, match=said):
        read_card(tmp_path / "card.json")


def test_a_page_tells_what_moved_and_nothing_of_a_stranger_s_runs_in_it():
    before = examine(Subject("one", TASK, Made(good)), Case(TASK, INPUTS, TARGETS), ["accuracy"])
    now = examine(Subject("one", TASK, Made(lambda z: 1 - good(z))), Case(TASK, INPUTS, TARGETS), ["accuracy"])
    sly = dataclasses.replace(before.as_earlier()[0], on="<script>", quality="<q>")
    html = page(dataclasses.replace(now, history=(sly,), provenance={"<i>": "<u>"}))
    assert f"fell from {before.findings[0].value:.2f}" in html and "How it did before" in html
    assert all(bad not in html for bad in ("<script>", "<q>", "<i>", "<u>"))
