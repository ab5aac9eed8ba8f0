"""The benchmark command: small runs of everything it offers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from klopf.console import make_app
from klopf.errors import MissingExtra
from klopf.extras import EXTRAS
from klopf.mind import Mind, MindError, bench, diagnostics, learn_together, problems, speed
from klopf.mind._tuned import TUNED


def call(*arguments: str) -> None:
    make_app("bench")(["bench", *arguments], exit_on_error=False, result_action="return_value")


def test_json_is_one_list_with_the_promised_keys(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    plot, resume = tmp_path / "plot.png", tmp_path / "runs.jsonl"
    call("regression", "--learners", "backprop,linear", "--seeds", "2", "--steps", "20000", "--json", "--options",
         "l2=0.001,normalise_inputs=false",
         "--plot", str(plot), "--resume", str(resume))  # fmt: skip
    table = json.loads(capsys.readouterr().out)
    assert {row["learner"] for row in table} == {"backprop", "linear"}
    for row in table:
        assert list(row) == [
            "learner", "setting", "seeds", "steps", "error", "stderr", "steps_per_second", "hyperparameters",
        ]  # fmt: skip
        how = row["hyperparameters"]
        assert (how["step_size"], how["l2"], how["normalise_inputs"], how["rule"]) == (0.01, 0.001, False, "sgd")
        assert how["hidden"] == ([5] if row["learner"] == "backprop" else []) and "prior" not in how
        assert row["seeds"] == 2 and row["steps"] == 20000 and 0 < row["error"] < 20 and row["stderr"] >= 0
    assert plot.stat().st_size > 5000 and len(resume.read_text().splitlines()) == 4


def test_a_sweep_takes_up_where_it_was_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    runs = [bench.Run("regression", "redraw", "linear", seed, 10_000) for seed in range(4)]
    first = dict(zip((r.seed for r in runs[:2]), (x["error"] for _, x in bench.sweep(runs[:2], file=file, cores=1)),
                     strict=True))  # fmt: skip
    with file.open("a") as out:
        out.write('{"key": "half a li')  # an interruption cut this line short
    before = file.read_text()
    results = {r.seed: x["error"] for r, x in bench.sweep(runs, file=file)}
    assert file.read_text().startswith(before) and len(results) == 4
    assert {k: results[k] for k in first} == first
    assert len(bench._read(file)) == 4  # nothing was glued to the line that was cut short
    assert len({round(e, 6) for e in results.values()}) == 4


def test_the_error_is_the_mean_over_the_last_tenth() -> None:
    r = bench.Run("regression", "redraw", "linear", 0, 100_000)
    X, y = problems.slowly_changing_regression(100_000).whole()
    errors = Mind(20, 1, learner="linear", output="linear").learn(X, y)
    assert bench.run(r)["error"] == pytest.approx(errors[-10_000:].mean(dtype=np.float64), rel=1e-6)
    for steps in (25_000, 150_000):  # a tenth need not be a number of blocks
        X, y = problems.slowly_changing_regression(steps).whole()
        errors = Mind(20, 1, learner="linear", output="linear").learn(X, y)
        wanted = errors[-steps // 10 :].mean(dtype=np.float64)
        assert bench.run(bench.Run("regression", "redraw", "linear", 0, steps))["error"] == pytest.approx(wanted)


def test_a_learners_settings_are_given_whole(capsys: pytest.CaptureFixture[str]) -> None:
    call("regression", "--learners", "klopf", "--seeds", "1", "--steps", "20", "--options", "drift=0.01", "--json")
    (row,) = json.loads(capsys.readouterr().out)
    how = row["hyperparameters"]
    assert (how["rule"], how["drift"], how["prior"], how["life"], how["replacement_rate"], how["hidden"]) == (
        "kalman", 0.01, 10.0, "continual", 3e-4, [5],
    )  # fmt: skip
    assert row["stderr"] is None and not {"step_size", "tau", "dormant", "perturb_every"} & set(how)
    call("regression", "--learners", "klopf", "--seeds", "1", "--steps", "20", "--options", "drift=0.01")
    out = capsys.readouterr().out
    assert "nan" not in out and "±" not in out.replace("± s.e.", "") and "drift=0.01" in out and "prior" not in out


@pytest.mark.parametrize(("wide", "names"), [(False, ["backprop", "crelu", "linear", "klopf"]), (True, ["klopf"])])
@pytest.mark.long
def test_speed_compares_learners_whose_tables_differ(
    wide: bool, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "_torch_rate", lambda *a: None)
    monkeypatch.setattr(speed, "_best", lambda work, seconds: (work(), 1.0)[1])
    rows = speed.measure(0.001, wide, names)
    assert "NaN" not in json.dumps(rows)
    assert {row["what"] for row in rows if row["network"] == "20-5-1"} >= set(names)


def test_what_would_fail_at_the_end_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "run", lambda *a: pytest.fail("it ran"))
    for wrong in (["--plot", str(tmp_path / "x.foo")], ["--plot", str(tmp_path)], ["--resume", "/nope/x"],
                  ["--resume", str(tmp_path)], ["--cores", "-1"], ["--cores", "0"]):  # fmt: skip
        with pytest.raises(MindError) as caught:
            call("regression", "--learners", "linear", "--seeds", "1", *wrong)
        assert "\n" not in str(caught.value)
    with pytest.raises(MindError, match="sideways"):
        call("growth", "--setting", "sideways")
    monkeypatch.setitem(EXTRAS, "plot", ("no_such_module",))
    with pytest.raises(MissingExtra, match=r"klopf\[plot\]"):
        call("regression", "--learners", "linear", "--seeds", "1", "--plot", str(tmp_path / "x.png"))


def test_the_table_is_told_whatever_becomes_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*a: object, **k: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(MindError, match="no space"):
        call("regression", "--learners", "linear", "--seeds", "1", "--steps", "10", "--json", "--plot",
             str(tmp_path / "x.png"))  # fmt: skip
    assert json.loads(capsys.readouterr().out)[0]["learner"] == "linear"


def test_recovery_is_counted_in_samples() -> None:
    errors = np.concatenate([np.ones(120), np.zeros(200)])
    after = bench.recovered_after(errors, 0.1)  # 50 in a row, at most 7 of them wrong
    assert after == 120 - 7 and errors[after : after + 50].mean() <= 0.15
    assert bench.recovered_after(errors, 0.95) == 0
    assert bench.recovered_after(np.ones(80), 0.2) == 80 and bench.recovered_after(np.ones(30), 0.2) == 30


def test_options_chosen_by_tuning_are_those_of_the_data() -> None:
    for place, chosen in TUNED.items():
        problem, setting, *data = place.split("/")
        assert "klopf" in chosen and set(chosen) <= set(bench.COMPARED), place
        for learner, options in chosen.items():
            assert bench.options_for(problem, setting, learner, True, "folder" if data else "") == options
            Mind(4, 2, learner=learner, **options)
    assert bench.options_for("permuted", "label", "crelu", False) == {}


def test_networks_of_different_sizes_are_not_averaged() -> None:
    done = {"error": 1.0, "steps_per_second": 1.0, "diagnosis": None}
    runs = [bench.Run("growth", "redraw", "klopf", 0, 10, hidden=(n,)) for n in (5, 20)]
    assert [row["overrides"] for row in bench.summary([(r, done) for r in runs])] == [
        {"hidden": [5]}, {"hidden": [20]},
    ]  # fmt: skip


def test_a_diverged_run_is_not_left_out_of_the_mean() -> None:
    results = [(bench.Run("regression", "redraw", "linear", s, 10, {"step_size": 9.0}), {
        "error": e, "steps_per_second": 1.0, "diagnosis": None}) for s, e in ((0, 1.0), (1, float("nan")))]  # fmt: skip
    assert np.isnan(bench.summary(results)[0]["error"])
    assert np.isnan(bench.run(bench.Run("regression", "redraw", "linear", 0, 20_000, {"step_size": 9.0}))["error"])


@pytest.mark.parametrize(
    "arguments",
    [
        [
            "permuted",
            "--setting",
            "label",
            "--learners",
            "backprop",
            "--seeds",
            "1",
            "--steps",
            "2",
            "--samples",
            "100",
        ],
        ["binary-tasks", "--learners", "backprop", "--seeds", "1", "--steps", "2"],
        ["class-incremental", "--learners", "backprop", "--seeds", "1", "--steps", "1"],
        ["growth", "--seeds", "1", "--steps", "20000", "--budget", "3"],
        ["speed", "--learners", "backprop", "--seconds", "0.01", "--no-wide"],
    ],
)
@pytest.mark.long
def test_every_benchmark_runs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    call(*arguments)
    out = capsys.readouterr().out
    assert arguments[0].split("-")[0] in out or "backprop" in out
    assert "diverged" not in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["regression", "--setting", "sideways"],
        ["regression", "--learners", "nobody"],
        ["regression", "--seeds", "0"],
        ["permuted", "--hidden", "a,b"],
        ["permuted", "--data", "/nowhere", "--learners", "linear", "--seeds", "1"],
        ["regression", "--learners", "linear", "--options", "speed=3"],
        ["regression", "--learners", "linear", "--options", "l2=much"],
        ["regression", "--learners", "linear", "--plot", "/nowhere/at/all.png"],
    ],
)
def test_bad_arguments_get_one_line(arguments: list[str]) -> None:
    with pytest.raises(MindError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)


def test_learning_together_is_the_same_as_alone() -> None:
    X, y = problems.slowly_changing_regression(5_000).whole()
    together = [Mind(20, 1, (5,), "backprop", "linear", seed=s, step_size=a) for s in range(3) for a in (0.01, 0.003)]
    alone = [Mind(20, 1, (5,), "backprop", "linear", seed=s, step_size=a) for s in range(3) for a in (0.01, 0.003)]
    errors = learn_together(together, X, y, cores=2)
    assert errors.shape == (6, 5_000) and (errors == np.stack([m.learn(X, y) for m in alone])).all()
    with pytest.raises(MindError, match="twice"):
        learn_together([together[0], together[0]], X, y)
    with pytest.raises(MindError, match="at least 1"):
        learn_together(together, X, y, cores=-1)


def test_watching_reports_after_every_block(tmp_path: Path) -> None:
    history: list[dict[str, object]] = []
    stream = problems.slowly_changing_regression(30_000)
    m = Mind(20, 1, (5,), "backprop", "linear")
    errors = diagnostics.watch(m, stream, history.append)
    assert len(history) == len(errors) == 3 and history[-1]["steps"] == 30_000
    diagnostics.plot(history, str(tmp_path / "plot.png"))
    assert (tmp_path / "plot.png").stat().st_size > 5000
    with pytest.raises(MindError, match="nothing to draw"):
        diagnostics.plot([], str(tmp_path / "plot.png"))
    with pytest.raises(MindError, match="cannot draw"):
        diagnostics.plot(history, str(tmp_path / "plot.foo"))


def test_step_sizes_are_told_where_they_are_learned(tmp_path: Path) -> None:
    m = Mind(20, 1, (5,), "autostep", "linear", fan_in=3)
    history: list[dict[str, object]] = []
    diagnostics.watch(m, problems.slowly_changing_regression(20_000), history.append)
    told = history[-1]["step_sizes"]
    assert isinstance(told, list) and len(told) == 2
    last = m.weights(1, "step-size").astype(np.float64)
    assert told[1] == pytest.approx(np.quantile(last, [0, 0.1, 0.5, 0.9, 1]).tolist())
    assert told[0] == sorted(told[0]) and told[0][0] > 0
    json.dumps(history)
    diagnostics.plot(history, str(tmp_path / "plot.png"))
    assert "step_sizes" not in diagnostics.diagnose(Mind(2, 1, (3,), output="linear"), np.ones((4, 2)))


def test_ranks() -> None:
    assert diagnostics.effective_rank(np.eye(5)) == pytest.approx(5)
    assert diagnostics.effective_rank(np.ones((5, 5))) == pytest.approx(1)
    assert diagnostics.stable_rank(np.diag([100.0, 100.0, 0.1])) == 2
    assert diagnostics.effective_rank(np.zeros((3, 3))) == 0.0 == diagnostics.stable_rank(np.zeros((3, 3)))


def test_activities_are_what_the_kernels_compute() -> None:
    r = np.random.default_rng(0)
    X = r.normal(size=(20, 6)).astype(np.float32)
    m = Mind(6, 3, hidden=(7, 5), learner="backprop", output="linear", normalise_inputs=True)
    m.learn(X, r.normal(size=(20, 3)))
    h = diagnostics.activities(m, X)
    w = m.weights(2).astype(np.float64)
    assert h[1] @ w[:-1] + w[-1] == pytest.approx(m.predict_proba(X), abs=1e-4)


def test_speed_refuses_nonsense() -> None:
    with pytest.raises(MindError, match="above 0"):
        speed.measure(0.0, False, [])
