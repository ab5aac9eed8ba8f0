"""Messy tables: what is understood of them, told before anything is made, and one plan by which all are prepared."""

from __future__ import annotations

import json

import numpy as np
import pytest

from klopf.console import main
from klopf.errors import PeersError
from klopf.network import DataSettings, Schema, check, parse_settings, share_out
from klopf.peers import create_model, load_model, save_model, task_from_json, task_to_json

COLOURS = ("red", "blue", "green")


def settings(tmp_path, data=None, neurons=None, **more):
    own = neurons or [{"name": "one"}, {"name": "two"}]
    files = {} if any("file" in one for one in own) else {"file": "t.csv"}
    raw = {"data": {**files, "target": "y", **(data or {})}, "neuron": own, "auditor": [{"name": "eye"}], **more}
    return parse_settings(raw, "a test", tmp_path)


def messy(tmp_path, rows=400, delimiter=";", encoding="utf-16", gap="NA"):
    """A table with an id, a decimal comma, categories, dates, gaps, a constant and the target once more."""
    rng = np.random.default_rng(0)
    lines = [delimiter.join(("patient_id", "size", "colour", "day", "ward", "code", "y"))]
    for i in range(rows):
        y = int(rng.random() < 0.5)
        size = f"{rng.normal(y * 3, 1):.2f}".replace(".", ",") if rng.random() > 0.3 else gap
        colour = COLOURS[(y + rng.integers(2)) % 3] if rng.random() > 0.3 else ""
        day = f"{rng.integers(1, 29):02}.{rng.integers(1, 13):02}.2023"
        lines.append(delimiter.join((f"P{i:05}", size, colour, day, "A", f"k{y}", ("benign", "malignant")[y])))
    (tmp_path / "t.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))


def test_a_messy_table_is_understood_and_prepared(tmp_path):
    messy(tmp_path)
    shares = share_out(settings(tmp_path))
    found = {c.name: (c.kind, c.why) for c in shares.columns}
    assert found == {
        "patient_id": ("drop", "an id: 400 different values in 400 rows"),
        "size": ("number", ""),
        "colour": ("category", ""),
        "day": ("date", ""),
        "ward": ("drop", "it is the same in every row"),
        "code": ("drop", "it is the target once more"),
    }
    assert shares.test.task.features == (
        "size", "size is missing", "colour = blue", "colour = green", "colour = red", "colour = other",
        "colour is missing", "day", "day, sine of the year", "day, cosine of the year", "day, sine of the week",
        "day, cosine of the week",
    )  # fmt: skip
    inputs = shares.reference.inputs
    assert inputs.dtype == np.float32 and np.isfinite(inputs).all()
    assert 0.2 < inputs[:, 1].mean() < 0.4 and (inputs[inputs[:, 1] == 1, 0] == 0).all()
    assert (inputs[:, 2:7].sum(axis=1) == 1).all()
    np.testing.assert_allclose(inputs[:, 8] ** 2 + inputs[:, 9] ** 2, 1, atol=1e-5)


def test_the_plan_is_learned_from_the_reference_set_alone_and_names_nothing_rare(tmp_path):
    rng = np.random.default_rng(1)
    lines = [
        f"{rng.normal()},{'Smith' if i == 7 else 'common'}{i % 2 if i != 7 else ''},{i % 3 > 0}" for i in range(400)
    ]
    (tmp_path / "t.csv").write_text("a,who,y\n" + "\n".join(lines) + "\n")
    schema = share_out(settings(tmp_path)).schema
    assert "Smith" not in schema.text and schema.features[1].values == ("common0", "common1")
    assert "Smith" not in Schema.of(tmp_path / "t.csv", DataSettings(target="y")).text


def test_what_is_found_out_can_be_said_otherwise(tmp_path):
    messy(tmp_path)
    kinds = {"patient_id": "category", "colour": "drop", "code": "category", "ward": "category"}
    taken = {c.name: c.kind for c in share_out(settings(tmp_path, {"kinds": kinds})).columns}
    assert taken == {"patient_id": "category", "size": "number", "colour": "drop", "day": "date", "ward": "category",
                     "code": "category"}  # fmt: skip
    only = share_out(settings(tmp_path, {"columns": ["size", "day"]}))
    assert [c.name for c in only.columns] == ["size", "day"]


def test_another_file_is_prepared_alike_whatever_the_order_and_the_form(tmp_path):
    messy(tmp_path)
    schema = share_out(settings(tmp_path)).schema
    again = Schema.from_text(schema.text, "the ledger")
    assert again == schema and again.text == schema.text
    (tmp_path / "new.csv").write_text("y,day,colour,more,size\nbenign,2023-05-01,mauve,1,1.5\nmalignant,,,2,\n")
    with pytest.raises(PeersError, match="'day' is empty in row 2, and the network expects no gaps there"):
        again.questions(tmp_path / "new.csv")
    (tmp_path / "new.csv").write_text(
        "y,day,colour,more,size\nbenign,2023-05-01,mauve,1,1.5\nmalignant,2023-05-02,,2,\n"
    )
    inputs = again.samples(tmp_path / "new.csv")
    assert inputs.inputs[0, 2:7].tolist() == [0, 0, 0, 1, 0] and inputs.inputs[1, 2:7].tolist() == [0, 0, 0, 0, 1]
    assert inputs.inputs[1, :2].tolist() == [0, 1] and inputs.targets.tolist() == [0, 1]


def unequal(tmp_path, rows=2000):
    rng = np.random.default_rng(2)
    rare = np.arange(rows) % 51 == 0
    a = rng.normal(rare * 4.0, 1)
    (tmp_path / "t.csv").write_text(
        "a,y\n" + "".join(f"{x},{'sick' if r else 'well'}\n" for x, r in zip(a, rare, strict=True))
    )


def test_one_to_fifty_is_measured_by_balanced_accuracy(tmp_path):
    unequal(tmp_path)
    shares = share_out(settings(tmp_path))
    task, right = shares.test.task, shares.test.targets
    assert task.measure == "balanced accuracy" and task_from_json(json.loads(json.dumps(task_to_json(task)))) == task
    assert (right == 0).sum() == 8, "each class has its part of what is held out"
    always = task.know_nothing(right, len(right))
    fooled = [task.score(np.ones_like(right), right), task.score(task.decide(always), right)]
    assert fooled == pytest.approx([0.5, 0.5])
    assert task.score(right, right) == 1.0
    said = np.array([[0.1, 0.9]], np.float32)
    assert task.decide(said) == [0], "a tenth is far more than one in fifty"
    plain = share_out(settings(tmp_path, {"measure": "accuracy"})).test.task
    assert plain.measure == "accuracy" and plain.decide(said) == [1]


def test_an_audit_of_unequal_classes_is_fooled_by_no_constant(tmp_path):
    from klopf.audit import audit_tasks

    unequal(tmp_path)
    shares = share_out(settings(tmp_path))
    task, right = shares.test.task, shares.test.targets
    judge = audit_tasks(("accuracy",), task)["accuracy"]
    constant = np.tile(np.array([0.001, 0.999], np.float32), (len(right), 1))
    fooled = judge.score(constant, right)
    assert (fooled.value, fooled.control) == pytest.approx((0.5, 0.5))
    perfect = np.eye(2, dtype=np.float32)[right]
    assert judge.score(perfect, right).value == 1.0


def test_a_regression_is_no_classes(tmp_path):
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    (tmp_path / "t.csv").write_text("".join(f"{','.join(map(str, row))}\n" for row in [
        [*"abcdefghij", "y"], *np.column_stack([X, y]).tolist()]))  # fmt: skip
    with pytest.raises(PeersError, match="214 different values in 442 rows, not classes: say"):
        share_out(settings(tmp_path))
    shares = share_out(settings(tmp_path, {"task": "numbers"}))
    assert shares.test.task.measure == "variance explained" and len(shares.test.task.features) == 10


def owners(tmp_path, spell=("0", "1")):
    """Two owners of the same 300 people, with other columns each."""
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 2, 300)
    for name, column, words in (("one", "heart", ("benign", "malignant")), ("two", "lung", spell)):
        order = rng.permutation(300)
        rows = [f"p{i},{rng.normal(kind[i] * 3):.3f},{words[kind[i]]}" for i in order]
        (tmp_path / f"{name}.csv").write_text(f"person,{column},y\n" + "\n".join(rows) + "\n")
    return [{"name": "one", "file": "one.csv"}, {"name": "two", "file": "two.csv"}]


def test_owners_with_different_columns_say_what_is_shared(tmp_path):
    neurons, spellings = owners(tmp_path), {"0": "benign", "1": "malignant"}
    with pytest.raises(PeersError, match="'one' has the classes 'benign', 'malignant' and neuron 'two' '0', '1': say"):
        share_out(settings(tmp_path, {"key": "person"}, neurons))
    with pytest.raises(PeersError, match="other columns than the first"):
        share_out(settings(tmp_path, {"spellings": spellings}, neurons))
    shares = share_out(settings(tmp_path, {"key": "person", "spellings": spellings}, neurons))
    assert shares.test.task.names == ("benign", "malignant") and shares.test.task.features == ("heart", "lung")
    assert shares.sees == ((0,), (1,)) and len(shares.test) == 60
    held = {tuple(row) for part in (shares.test, shares.audit, shares.reference) for row in part.inputs.tolist()}
    assert not held & {tuple(row) for part in shares.neurons for row in part.inputs.tolist()}


def test_a_model_sees_its_own_columns_only(tmp_path):
    neurons = owners(tmp_path, ("benign", "malignant"))
    shares = share_out(settings(tmp_path, {"key": "person"}, neurons))
    task, own = shares.test.task, shares.neurons[0]
    for name in ("mind", "sklearn:GaussianNB", "sklearn:LogisticRegression"):
        model = create_model(name, task, 0, {"sees": [0]})
        model.learn(own.inputs, own.targets)
        asked = shares.test.inputs.copy()
        before = model.answer(asked)
        asked[:, 1] = 100
        np.testing.assert_array_equal(model.answer(asked), before)
        assert task.score(task.decide(before), shares.test.targets) > 0.8
        save_model(model, name, tmp_path / name)
        back = load_model(tmp_path / name, task, name)
        np.testing.assert_array_equal(back.answer(asked), before)
        assert back.commitment() == model.commitment()
    for wrong in ([], [2], [-1], [0, 0], ["a"], "0"):
        with pytest.raises(PeersError, match="places of inputs, from 0 to 1"):
            create_model("mind", task, 0, {"sees": wrong})


def test_what_would_happen_is_told_and_nothing_is_made(tmp_path, capsys):
    messy(tmp_path)
    neurons = "".join(f'[[neuron]]\nname = "{name}"\n' for name in ("ada", "ben"))
    network = f'[data]\nfile = "t.csv"\ntarget = "y"\n{neurons}[[auditor]]\nname = "eye"\n'
    (tmp_path / "net.toml").write_text(network)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tmp_path / "net.toml"), "--check"])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and sorted(tmp_path.iterdir()) == before
    for line in ("400 rows of 1 number, 1 category, 1 date, 19.4% gaps: 12 inputs", "target 'y': 2 classes",
                 "left out 'code': it is the target once more", "neuron ada: mind", "nothing was made"):  # fmt: skip
        assert line in said, said
    assert said.count("'code'") == 1 and "left out:" not in said, "what is left out is said once"
    with pytest.raises(SystemExit):
        main(["run", str(tmp_path / "net.toml"), "--check", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 400 and told["columns"][0]["left_out"].startswith("an id") and told["measure"] == "accuracy"
    assert told["target"]["classes"].keys() == {"benign", "malignant"} and told["held_out"]["test"] == 80


def test_what_would_make_scores_say_little_is_a_warning(tmp_path):
    unequal(tmp_path, 1000)
    warnings = check(settings(tmp_path)).warnings()
    assert any("'well' alone is 98.0% of the samples: balanced accuracy" in line for line in warnings)
    assert any("fewer than 10 samples of 'sick'" in line for line in warnings)
    rng = np.random.default_rng(4)
    (tmp_path / "t.csv").write_text(
        "a,f,y\n" + "".join(f"{rng.normal()},{y * 1.8 + 32},{y}\n" for y in rng.normal(size=400))
    )
    warnings = check(settings(tmp_path, {"task": "numbers"})).warnings()
    assert warnings == ["column 'f' goes with the target by 1.000000: is it made from it?"]


def test_wide_and_long_tables_are_read(tmp_path):
    rng = np.random.default_rng(5)
    numbers = rng.normal(size=(3000, 200)).round(3)
    lines = [",".join(f"c{k}" for k in range(200)) + ",y"]
    lines += [",".join(map(str, row)) + f",{'up' if row[0] > 0 else 'down'}" for row in numbers.tolist()]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert share_out(settings(tmp_path)).test.inputs.shape == (600, 200)


def test_a_neuron_that_drew_a_handful_of_rows_is_told_of(tmp_path):
    """The default shares out unequally: of 953, 209 and 18 samples nothing was said."""
    messy(tmp_path)
    drawn = check(settings(tmp_path, None, [{"name": name} for name in ("a", "b", "c")]))
    told = [line for line in drawn.warnings() if 'data.share = "equal"' in line]
    assert bool(told) == (min(map(len, drawn.shares.neurons)) < 30) and told
    even = check(settings(tmp_path, {"share": "equal"}, [{"name": name} for name in ("a", "b", "c")]))
    assert not any("data.share" in line for line in even.warnings())
