"""klopf twin, as people type it."""

import json

import pytest

from klopf.console import main
from klopf.console.cli.twin import _SHOWN


def klopf(capsys, *words, status=0):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words)])
    out, err = capsys.readouterr()
    assert (ended.value.code or 0) == status, out + err
    return out, err


def test_a_world_is_made_lives_and_is_replayed_to_the_bit(tmp_path, capsys):
    world = tmp_path / "world.npz"
    klopf(capsys, "twin", "new", world, "--households", 6, "--scenario", "storm", "--seed", 3)
    told = json.loads(klopf(capsys, "twin", "run", world, "--days", 3, "--json")[0])
    assert told["broken"] == "" and told["outcome"]["outages"] > 0
    more = json.loads(klopf(capsys, "twin", "run", world, "--days", 1, "--policy", "nothing", "--json")[0])
    again = json.loads(klopf(capsys, "twin", "replay", world, "--json")[0])
    assert again == {"same": True, "digest": more["digest"], "again": more["digest"], "steps": 96}
    last = told["record"][-1]["id"]
    assert klopf(capsys, "twin", "replay", world, "--why", last)[0].startswith("day 1")
    assert "no happening 99999" in klopf(capsys, "twin", "replay", world, "--why", 99999, status=2)[1]


def test_a_world_whose_file_was_changed_is_another_world(tmp_path, capsys):
    from klopf.twin import World

    world = tmp_path / "world.npz"
    klopf(capsys, "twin", "new", world, "--households", 3)
    lives = World.load(world).run(5)
    lives.sectors["water"].state["level"][0] -= 0.1
    lives.save(world)
    assert "ANOTHER WORLD" in klopf(capsys, "twin", "replay", world, status=1)[0]


def test_a_broken_sector_is_one_line_and_the_world_is_kept(tmp_path, capsys, monkeypatch):
    from klopf.twin.sectors.factory import Factory

    world = tmp_path / "world.npz"
    klopf(capsys, "twin", "new", world, "--households", 3)
    with monkeypatch.context() as patch:
        whole = Factory.settle
        patch.setattr(Factory, "settle", lambda self, now, goods: 1 / (now.step != 30) and whole(self, now, goods))
        out = klopf(capsys, "twin", "run", world, "--days", 2, status=1)[0]
    assert out.splitlines()[-1].startswith("the sector 'factory' fails at day 1 06:00 (step 30): ZeroDivisionError")
    from klopf.twin import World

    assert World.load(world).step == 30
    klopf(capsys, "twin", "run", world, "--days", 1)
    assert World.load(world).step == 54
    assert "to the bit" in klopf(capsys, "twin", "replay", world)[0]


def test_policies_are_compared_in_the_same_worlds(tmp_path, capsys):
    out = klopf(capsys, "twin", "compare", "--households", 4, "--days", 2, "--seeds", 2, "--start", 150, "--json")[0]
    nothing, rules = json.loads(out)
    assert nothing["gain"] == nothing["lose"] == 0 and rules["gain"] > 0 and rules["front"]
    assert rules["cost"][1] <= rules["cost"][0] <= rules["cost"][2] < nothing["cost"][2]
    out = klopf(capsys, "twin", "compare", "--households", 3, "--days", 1, "--seeds", 2)[0]
    asked = ["twin", "compare", "--households", 2, "--days", 1, "--seeds", 2, "--json"]
    (tmp_path / "p").mkdir()
    rows = json.loads(klopf(capsys, *asked, "--picture", tmp_path / "f.svg")[0])
    assert "<svg" in (tmp_path / "f.svg").read_text() and len(rows[1]["households"]) == len(rows[1]["transfers"]) == 2
    assert "cannot be written" in klopf(capsys, *asked, "--picture", tmp_path / "p", status=2)[1]
    assert "rules *: of 6 households of all worlds" in out and "lose against nothing" in out


def test_what_came_of_a_run_is_a_table_with_units(tmp_path, capsys):
    world = tmp_path / "world.npz"
    klopf(capsys, "twin", "new", world, "--households", 3, "--scenario", "storm")
    out = klopf(capsys, "twin", "run", world, "--days", 3)[0]
    assert "(because of 2)" in out and f"klopf twin replay {world} --why NUMBER" in out
    table = out.split("What came of")[1].splitlines()[1:-1]
    assert {line.split()[0] for line in table} == set(_SHOWN) and len(table) == len(_SHOWN)
    for line in table:
        name, value, rest = line.split(maxsplit=2)
        float(value.replace(",", ""))
        assert rest.startswith(_SHOWN[name][1] + "  ")
    assert " kg CO2  " in out and " customer hours  " in out


def test_how_far_it_is_is_said_at_a_terminal_alone(capsys, monkeypatch):
    asked = ["twin", "compare", "--households", 2, "--days", 1, "--seeds", 1]
    quiet = klopf(capsys, *asked)
    assert quiet[1] == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    out, err = klopf(capsys, *asked)
    assert out == quiet[0] and "world" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "nowhere.npz"], "cannot be read"),
        (["compare", "--policies", "magic"], "no policy is called 'magic'"),
        (["compare", "--days", "0"], "must be above 0"),
        (["compare", "--seeds", "0"], "for --seeds"),
        (["compare", "--policies", "rules,rules"], "name each once"),
        (["gate", "magic", "--seeds", "1"], "no policy is called 'magic'"),
        (["gate", "nothing", "--seeds", "99999999999"], "for --seeds"),
        (["run", "text.npz"], "it is no .npz file): klopf twin new makes one"),
        (["new", "text.npz"], "is there already"),
        (["new", "w.npz", "--scenario", "half.toml"], "shock 1: lasts is missing"),
        (["new", "w.npz", "--scenario", "flood"], "no scenario 'flood'"),
        (["new", "w.npz", "--minutes", "7"], "must be 15, 30 or 60"),
        (["new", "w.npz", "--sectors", "moon"], "no sector is called 'moon'"),
        (["new", "nowhere/w.npz"], "cannot be written"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path, capsys, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.npz").write_text("no world")
    (tmp_path / "half.toml").write_text('title = "x"\n[[shock]]\nat = 2\n')
    err = klopf(capsys, "twin", *words, status=2)[1]
    assert says in err and err.count("\n") == 1


def test_the_gate_is_an_audit_that_anybody_can_repeat(tmp_path, capsys):
    asked = ["twin", "gate", "nothing", "--households", 4, "--seeds", 2, "--days", 1]
    out = klopf(capsys, *asked, "--json")[0]
    assert json.loads(out)["released"] and json.loads(out)["worlds"] == 12
    verdict = tmp_path / "verdict.json"
    verdict.write_text(out)
    assert klopf(capsys, "twin", "gate", "nothing", "--repeat", verdict)[0] == "the same\n"
    verdict.write_text(out.replace('"digest": "', '"digest": "0'))
    assert "ANOTHER VERDICT" in klopf(capsys, "twin", "gate", "nothing", "--repeat", verdict, status=1)[0]
    verdict.write_text("[]")
    assert "is no verdict" in klopf(capsys, "twin", "gate", "nothing", "--repeat", verdict, status=2)[1]
    assert "nothing is released: 0 breaches" in klopf(capsys, *asked)[0]


def test_a_drill_is_saved_and_gated(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["twin", "drill", "storm", "--households", 6, "--seeds", 2, "--days", 4, "--rounds", 1, "--many", 4,
             "--worlds", 1]  # fmt: skip
    out = klopf(capsys, *asked, "--save", "r.json")[0]
    assert "trained, others like it" in out and "customer hours lost" in out and "then: which line" in out
    assert "is there already" in klopf(capsys, *asked, "--save", "r.json", status=2)[1]
    told = json.loads(klopf(capsys, *asked, "--json")[0])
    assert told["response"] == json.loads((tmp_path / "r.json").read_text())["response"]
    klopf(capsys, "twin", "new", "w.npz", "--households", 4, "--scenario", "storm")
    klopf(capsys, "twin", "run", "w.npz", "--days", 3, "--policy", "r.json")
    assert json.loads(klopf(capsys, "twin", "replay", "w.npz", "--json")[0])["same"]


def test_a_policy_of_ones_own_decides_and_a_worlds_file_starts_no_code(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(
        "from klopf.twin import Policy\nclass Mine(Policy):\n  def acts(self, world):\n"
        "    print('noise')\n    return {} if world.step < 30 else 1 / 0\n"
    )
    klopf(capsys, "twin", "new", "w.npz", "--households", 3)
    out = klopf(capsys, "twin", "run", "w.npz", "--days", 2, "--policy", "own.py:Mine", status=1)[0]
    assert out.splitlines()[-1].startswith("the policy 'Mine' fails at day 1 06:00 (step 30): ZeroDivisionError")
    assert "is code" in klopf(capsys, "twin", "replay", "w.npz", status=2)[1]
    klopf(capsys, "twin", "run", "w.npz", "--days", 1)
    assert "to the bit" in klopf(capsys, "twin", "replay", "w.npz", "--policy", "own.py:Mine")[0]
    asked = ["twin", "gate", "own.py:Mine", "--households", 3, "--seeds", 1, "--json"]
    breach = json.loads(klopf(capsys, *asked, status=1)[0])["breaches"][0]
    assert breach["constraint"].startswith("it fails at day 1 06:00")


def test_a_twin_is_fitted_to_meters_and_makes_a_world(tmp_path, capsys, monkeypatch):
    import numpy as np

    monkeypatch.chdir(tmp_path)
    hours = np.arange(120 * 24)
    sun = np.maximum(0.0, np.cos(2 * np.pi * (hours % 24 - 12) / 24)) * (0.5 + 0.5 * (hours // 24 % 3))
    home = 1.0 - 2.0 * sun + 0.1 * np.sin(hours * 1.7)
    rows = "\n".join(f"20,{s},{m},{m + (t > 110 * 24)}" for s, m, t in zip(sun, home, hours, strict=True))
    (tmp_path / "m.csv").write_text("outside,sun,one,other\n" + rows + "\n")
    out = klopf(capsys, "twin", "calibrate", "m.csv", "--save", "t.npz", status=1)[0]
    assert "2.00 kW  none" in out and "2.00 kW  ALARM on day 11" in out
    assert json.loads(klopf(capsys, "twin", "calibrate", "m.csv", "--json", status=1)[0])["drifts"][0] == -1
    assert "2 households" in klopf(capsys, "twin", "new", "w.npz", "--series", "t.npz", "--sectors", "households")[0]
    klopf(capsys, "twin", "run", "w.npz", "--days", 1)
    assert "to the bit" in klopf(capsys, "twin", "replay", "w.npz")[0]
    assert "is there already" in klopf(capsys, "twin", "calibrate", "m.csv", "--save", "t.npz", status=2)[1]


def test_devices_of_a_world_are_things(tmp_path, capsys):
    klopf(capsys, "twin", "new", tmp_path / "w.npz", "--households", 2)
    assert "devices" in klopf(capsys, "twin", "things", tmp_path / "w.npz", tmp_path / "t")[0]
    assert "is there already" in klopf(capsys, "twin", "things", tmp_path / "w.npz", tmp_path / "t", status=2)[1]
    assert json.loads((tmp_path / "t/households-0.td.json").read_text())["title"] == "households-0"
