"""Samples in: classes and numbers, held out and shared out."""

import numpy as np
import pytest

from klopf.errors import PeersError, TableError
from klopf.network import parse_settings, share_out
from klopf.network._baseline import linear_baseline


def settings(tmp_path, **data):
    raw = {
        "data": {"file": "t.csv", "target": "y", **data},
        "neuron": [{"name": name} for name in ("one", "two", "three")],
        "auditor": [{"name": "eye"}],
    }
    return parse_settings(raw, "a test", tmp_path)


def write(tmp_path, line, rows=400):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{a},{b},{line(a, b)}\n" for a, b in x))


def test_numbers_keep_their_unit_and_are_shared_by_tenths(tmp_path):
    write(tmp_path, lambda a, b: 1000 + 50 * a)
    shares = share_out(settings(tmp_path, task="numbers", unit="EUR", alpha=0.1))
    assert (shares.test.task.kind, shares.test.task.names, shares.test.task.units) == ("numbers", ("y",), ("EUR",))
    everything = np.concatenate([s.targets for s in (*shares.neurons, shares.test, shares.audit, shares.reference)])
    assert everything.shape == (400, 1) and everything.dtype == np.float32
    assert abs(everything.mean() - 1000) < 10
    means = [share.targets.mean() for share in shares.neurons]
    assert max(means) - min(means) > 10, "a small alpha gives neurons different tenths"
    assert linear_baseline(0, shares, 2, 2)[-1] > 0.95


def test_classes_are_the_default_and_say_so_where_the_target_is_amounts(tmp_path):
    write(tmp_path, lambda a, b: "up" if a > 0 else "down")
    shares = share_out(settings(tmp_path))
    assert shares.test.task.names == ("down", "up") and shares.test.targets.dtype == np.int64
    with pytest.raises(TableError, match=r"'y' holds '(up|down)' in row 1 where a number is needed"):
        share_out(settings(tmp_path, task="numbers"))
    write(tmp_path, lambda a, b: a * 0.5)
    with pytest.raises(PeersError, match=r'say data.task = "numbers" \(--task numbers\) if they are amounts'):
        share_out(settings(tmp_path))
    write(tmp_path, lambda a, b: 7)
    for task, said in (("classes", "one class only \\(7\\)"), ("numbers", "is 7 in every row")):
        with pytest.raises(PeersError, match=said):
            share_out(settings(tmp_path, task=task))


def test_how_a_file_is_written_can_be_said(tmp_path):
    rows = "".join(f"{i},5;{'groß' if i % 2 else 'klein'}\n" for i in range(200))
    (tmp_path / "t.csv").write_bytes(("a;y\n" + rows).encode("latin-1"))
    with pytest.raises(TableError, match="latin-1"):
        share_out(settings(tmp_path))
    assert share_out(settings(tmp_path, encoding="latin-1")).test.task.names == ("groß", "klein")


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ({"rules": {"emission": float("inf")}}, "finite"),
        ({"rules": {"stake": float("nan")}}, "finite"),
        ({"rules": {"emission": 1e300}}, "1000000000"),
        ({"requester": {"fee": 5, "budget": 2}}, "a fee of 5 tokens is more than the budget of 2"),
        ({"wire": {"first_port": 70_000}}, "65000"),
        ({"wire": {"first_port": -1}}, "greater than or equal to 0"),
        ({"data": {"file": "digits", "task": "numbers"}}, "the handwritten digits are classes"),
        ({"data": {"file": "t.csv", "task": "poems"}}, "'classes', 'numbers' or 'text'"),
    ],
)
def test_settings_that_cannot_be_carried_out_are_one_line(tmp_path, table, line):
    raw = {"data": {"file": "t.csv"}, "neuron": [{"name": "one"}, {"name": "two"}], "auditor": [{"name": "eye"}]}
    with pytest.raises(PeersError, match=line) as caught:
        parse_settings(raw | table, "a test", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["this-audit-task-has-a-very-long-name", "größe", ""])
def test_an_audit_task_that_the_ledger_cannot_name_is_refused_with_the_settings(tmp_path, name):
    raw = {
        "data": {"file": "t.csv", "target": "y"},
        "neuron": [{"name": "one"}, {"name": "two"}],
        "auditor": [{"name": "e"}],
    }
    for audit in ({"tasks": ["accuracy", name]}, {"marks": {name: 0.5}}):
        with pytest.raises(
            PeersError, match=r"a test: audit: an audit task cannot be called .* 1 to 26 letters of ASCII"
        ):
            parse_settings(raw | {"audit": audit}, "a test", tmp_path)


def test_where_classes_count_alike_the_pooled_model_is_decided_as_all_others_are(tmp_path):
    """At 1:50 a linear model that was asked for its likeliest class never said the rare one: 50 %, whatever it knew."""
    rng = np.random.default_rng(0)
    rare = rng.random(3000) < 0.02
    x = rng.normal(size=(3000, 2)) + 2 * rare[:, None]
    rows = "".join(f"{a:.3f},{b:.3f},{'bad' if r else 'good'}\n" for (a, b), r in zip(x, rare, strict=True))
    (tmp_path / "rare.csv").write_text("a,b,target\n" + rows)
    raw = {"data": {"file": "rare.csv", "share": "equal"}, "neuron": [{"name": "a"}, {"name": "b"}],
           "auditor": [{"name": "v"}]}  # fmt: skip
    shares = share_out(parse_settings(raw, "t", tmp_path))
    assert shares.test.task.measure == "balanced accuracy"
    assert linear_baseline(0, shares, 6, 4)[-1] > 0.85
