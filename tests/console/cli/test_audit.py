"""``klopf audit`` from files to a card, and back."""

import json

import numpy as np
import pytest

from klopf.console import main
from klopf.console.cli.audit import Audit


def run(capsys, *arguments):
    """Exit status and what was printed."""
    with pytest.raises(SystemExit) as end:
        main(list(map(str, arguments)))
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A fitted estimator, what it was trained on, and held-out samples."""
    import skops.io
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("audit")
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    x[:, 0] += np.sign(x[:, 0] - x[:, 1])  # few lie where a small change is a true one
    y = np.where(x[:, 0] - x[:, 1] > 0, "rain", "dry")
    skops.io.dump(LogisticRegression().fit(x[:200], y[:200]), folder / "rain.skops")
    for name, rows in (("trained", range(200)), ("held", range(200, 400))):
        lines = [f"{','.join(map(str, x[i]))},{'north' if x[i, 2] > 0 else 'south'},{y[i]}" for i in rows]
        (folder / f"{name}.csv").write_text("\n".join(["a,b,c,region,weather", *lines]) + "\n")
    return folder


def test_a_file_of_scikit_learn_is_audited_shown_drawn_and_repeated_to_the_bit(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("audit", "run", f"skops:{files / 'rain.skops'}", files / "held.csv", "--target", "weather", "--groups",
             "region", "--members", files / "trained.csv", "--page", "card.html", "--json")  # fmt: skip
    status, out, _ = run(capsys, *asked)
    card = json.loads(out)
    assert [one for one in card["findings"] if one["verdict"] == "fault"] == []
    assert status == 0 and card["safety"]["letter"] in "AB" and card["quality"]["letter"] == "A"
    assert {one["task"] for one in card["findings"]} >= {"accuracy", "fairness", "privacy", "backdoor", "shift"}
    assert "report card" in (tmp_path / "card.html").read_text()
    status, out, _ = run(capsys, "audit", "repeat", "card.json")
    assert status == 0 and out == f"the same to the last digit: {card['digest']}\n"
    status, out, _ = run(capsys, "audit", "show", "card.json")
    assert "rain.skops: quality A" in out and "not tested" in out
    status, out, _ = run(capsys, "audit", "card", "card.json", "again.html")
    assert (tmp_path / "again.html").read_text() == (tmp_path / "card.html").read_text()


def test_probes_are_not_put_twice(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(
        capsys, "audit", "data", files / "held.csv", "p", "--rows", 60, "--trained", files / "trained.csv"
    )
    assert status == 0 and "commitment " in out
    asked = ("audit", "run", f"skops:{files / 'rain.skops'}", "p", "--target", "weather", "--leave-out", "region",
             "--tasks", "accuracy")  # fmt: skip
    assert run(capsys, *asked)[0] == 0
    status, _, err = run(capsys, *asked)
    assert status == 2 and "has seen these questions before" in err
    assert run(capsys, *asked, "--again")[0] == 0


def test_a_card_says_who_audited_and_how_the_model_did_before(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("audit", "run", f"skops:{files / 'rain.skops'}", files / "held.csv", "--target", "weather", "--leave-out",
             "region", "--tasks", "accuracy", "--auditor", "<b>Vera")  # fmt: skip
    assert run(capsys, *asked, "--out", "one.json")[0] == 0
    assert run(capsys, *asked, "--seed", 1, "--before", "one.json", "--out", "two.json")[0] == 0
    shuffled = (files / "held.csv").read_text().replace(",rain", ",x").replace(",dry", ",rain").replace(",x", ",dry")
    (tmp_path / "wrong.csv").write_text(shuffled)
    worse = [*map(str, asked)]
    worse[3] = "wrong.csv"
    status, out, _ = run(capsys, *worse, "--before", "two.json", "--page", "card.html")
    assert status == 1 and "fell from " in out and out.count("the same model") == 2 and "audited by: <b>Vera" in out
    page = (tmp_path / "card.html").read_text()
    assert page.count("the same</td>") == 3 and "&lt;b&gt;Vera" in page and "evidence from" in page
    assert run(capsys, "audit", "repeat", "card.json")[0] == 0
    plain = json.loads((tmp_path / "card.json").read_text())
    assert [len(one["figures"]["accuracy"]) for one in plain["history"]] == [3, 3]
    assert "the file's content" in plain["provenance"]["the commitment covers"]
    status, _, err = run(capsys, *[*map(str, asked)][:-2], "--before", "held.csv")
    assert status == 2 and err.count("\n") == 1


def test_a_card_of_another_model_is_no_history(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.skops").write_bytes((files / "rain.skops").read_bytes())
    rest = (files / "held.csv", "--target", "weather", "--leave-out", "region", "--tasks", "accuracy")
    assert run(capsys, "audit", "run", "skops:other.skops", *rest, "--out", "other.json")[0] == 0
    status, _, err = run(capsys, "audit", "run", f"skops:{files / 'rain.skops'}", *rest, "--before", "other.json")
    assert status == 2 and "other.skops" in err and err.count("\n") == 1 and not (tmp_path / "card.json").exists()


@pytest.mark.parametrize("name", sorted(Audit().commands()))
def test_each_command_says_what_it_does_and_takes_json(capsys, name):
    status, out, _ = run(capsys, "audit", name, "--help")
    assert status == 0 and "Example: klopf audit" in out and "--json" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "skops:none.skops", "none.csv", "--target", "x"),
        ("show", "none.json"),
        ("card", "none.json", "card.html"),
        ("repeat", "none.json"),
        ("data", "none.csv", "probes"),
        ("trace", "none/neurons/ada"),
        ("serve", "none.csv", "--target", "x"),
        ("serve", "none.csv"),
        ("serve", "none.csv", "--run", "none"),
        ("serve", "none.csv", "--target", "x", "--port", "99999"),
    ],
    ids=lambda one: " ".join(one),
)
def test_what_is_not_there_is_one_line(tmp_path, capsys, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, "audit", *arguments)
    assert status != 0 and out == "" and "Traceback" not in err and (err.count("\n") == 1 or "--port" in err)
    assert not list(tmp_path.iterdir())


def test_every_task_is_listed(capsys):
    status, out, _ = run(capsys, "audit", "tasks", "--json")
    listed = json.loads(out)
    assert status == 0 and all(one["asks"] for one in listed)
    assert {"backdoor", "privacy", "toxicity", "accuracy"} <= {one["task"] for one in listed}


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("mind", "held.csv", "--target", "weather", "--leave-out", "region"), "is a newborn that has learned nothing"),
        (("skops:rain.pkl", "held.csv", "--target", "weather", "--leave-out", "region"), "is a pickle, which can"),
        (("skops:none.skops", "held.csv", "--target", "weather", "--leave-out", "region"), "cannot read"),
        (("skops:held.csv", "held.csv", "--target", "weather", "--leave-out", "region"), "no estimator that skops"),
        (("skops:rain.skops", "held.csv"), "--target NAME"),
        (("skops:rain.skops", "none.csv", "--target", "weather"), "there is no file"),
        (("skops:rain.skops", "held.csv", "--target", "weather", "--image", "2by2"), "is no height and width"),
        (("skops:rain.skops", "held.csv", "--target", "weather", "--settings", "[]"), "is no JSON object"),
        (("skops:rain.skops", "held.csv", "--target", "weather", "--leave-out", "region", "--tasks", "magic"), "magic"),
        (("skops:rain.skops", "trained.csv", "--target", "weather", "--leave-out", "region", "--members",
          "trained.csv"), "200 of 200 held-out samples are members"),
    ],
    ids=["newborn", "pickle", "missing", "damaged", "target", "data", "image", "settings", "task", "trained"],
)  # fmt: skip
def test_what_cannot_be_audited_is_one_line_and_leaves_no_card(files, tmp_path, capsys, monkeypatch, arguments, wrong):
    monkeypatch.chdir(files)
    status, _, err = run(capsys, "audit", "run", *arguments, "--out", tmp_path / "card.json")
    assert status == 2 and wrong in err and err.count("\n") == 1
    assert not (tmp_path / "card.json").exists()


@pytest.mark.parametrize("order", [
    {"model": "https://example.invalid/answer"}, {"others": ["https://example.invalid/answer"]},
    {"ordinary": "openai:https://example.invalid/v1#m", "settings": '{"key": "SECRET"}'}, {"model": "antigravity:fly"},
    {"model": ["skops:x"]}, {"more": "x"},
], ids=["endpoint", "others", "ordinary", "import", "list", "more"])  # fmt: skip
def test_a_stranger_s_card_sends_nothing_and_imports_nothing(files, tmp_path, capsys, monkeypatch, order):
    """What a card says was asked is an order of whoever wrote it."""
    from klopf.audit.desk import read_card

    monkeypatch.chdir(tmp_path)
    asked = ("audit", "run", f"skops:{files / 'rain.skops'}", files / "held.csv", "--target", "weather", "--leave-out",
             "region", "--tasks", "accuracy")  # fmt: skip
    assert run(capsys, *asked)[0] == 0
    import dataclasses

    card = read_card(tmp_path / "card.json")
    given = json.loads(card.more["asked as"]) | order
    dataclasses.replace(card, more={"asked as": json.dumps(given)}).write(tmp_path / "theirs.json")
    status, _, said = run(capsys, "audit", "repeat", "theirs.json")
    assert status == 2 and ("say --trusted if that was you" in said or "does not say how it was made" in said), said


def test_files_are_read_as_form_says_and_classes_as_they_are_spelled(files, tmp_path, capsys, monkeypatch):
    """Semicolons, decimal commas, Latin letters, and "Regen" for rain: of held-out samples, members, and probes."""
    monkeypatch.chdir(tmp_path)
    for name in ("held", "trained"):
        lines = (files / f"{name}.csv").read_text().replace(".", "#").replace(",", ";").replace("#", ",")
        lines = lines.replace(";rain", ";Regen").replace(";dry", ";trocken").replace("north", "nördlich")
        (tmp_path / f"{name}.csv").write_text(lines, encoding="latin-1")
    form = json.dumps({"encoding": "latin-1", "spellings": {"Regen": "rain", "trocken": "dry"}})
    model, rest = f"skops:{files / 'rain.skops'}", ("--target", "weather", "--groups", "region", "--form", form)
    status, out, _ = run(
        capsys, "audit", "run", model, "held.csv", *rest, "--members", "trained.csv", "--tasks", "accuracy,privacy",
        "--json",
    )  # fmt: skip
    card = json.loads(out)
    assert status == 0 and card["findings"][0]["value"] > 0.9 and card["task"]["names"] == ["dry", "rain"]
    assert run(capsys, "audit", "repeat", "card.json")[0] == 0
    drawn = ("audit", "data", "held.csv", "p", "--rows", 60, "--trained", "trained.csv", "--form", form)
    assert run(capsys, *drawn)[0] == 0
    status, out, _ = run(capsys, "audit", "run", model, "p", *rest, "--tasks", "accuracy", "--json")
    assert status == 0 and json.loads(out)["findings"][0]["value"] > 0.85
    status, _, err = run(capsys, "audit", "run", model, "held.csv", *rest[:-1], '{"comma": ";"}')
    assert status == 2 and "--form has 'comma'" in err


def test_progress_is_told_without_a_terminal(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("klopf.console.cli.audit._EVERY", 0.01)
    asked = ("audit", "run", f"skops:{files / 'rain.skops'}", files / "held.csv", "--target", "weather", "--leave-out",
             "region", "--json")  # fmt: skip
    _, out, err = run(capsys, *asked)
    lines = err.splitlines()
    assert lines and all(line.startswith("auditing: ") and " audit tasks done" in line for line in lines)
    assert json.loads(out)["asked"] > 1000
