"""``klopf demand``: posted, run, killed, gone on with, reported and paid once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klopf import fleet, ledger
from klopf.console import main
from klopf.console.cli.working import cards_in
from klopf.errors import FleetError, KlopfError
from tests.fleet.homes import devices, homes
from tests.ledger.conftest import KLP, embedded, secret

KLOPF = Path(sys.executable).with_name("klopf")
DEMAND = """\
job = "digits"
test = "test.csv"
target = "class"
goal = {goal}
rounds = {rounds}
epochs = 2
deadline = 20.0
[model]
name = "mind"
settings = {{ sensors = 64, outputs = 10, hidden = [32], step_size = 0.05 }}
"""


def written(folder: Path, goal: float = 0.9, rounds: int = 10) -> Path:
    _, test = devices(4)
    header = ",".join([*(f"p{i}" for i in range(64)), "class"])
    rows = np.concatenate([test.inputs, test.targets[:, None]], 1)
    np.savetxt(folder / "test.csv", rows, delimiter=",", header=header, comments="", fmt="%g")
    (folder / "demand.toml").write_text(DEMAND.format(goal=goal, rounds=rounds))
    return folder / "demand.toml"


def ran(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.mark.long
def test_a_demand_is_posted_run_killed_gone_on_with_and_paid_once(tmp_path, capsys):
    net = embedded()
    payer = secret(5)
    net.admin.fund(payer.address, tokens=500 * KLP)
    place = net.admin.rpc.where
    folder = tmp_path / "load"
    made = fleet.DemandFolder.create(folder, fleet.DemandSettings.read(written(tmp_path, goal=0.99, rounds=4)))
    server = made.post().card()
    net.admin.deployment.save(tmp_path / "deployment.json")
    with ledger.connect(place, payer, net.admin.deployment) as own:
        until = own.clock.now().time + 9000
        job = own.jobs.open(server.peer.key, 100 * KLP, until, 3600, made.terms())
    made.note_job(job, 100 * KLP, place, tmp_path / "deployment.json")
    with homes(4, 1, server) as (cards, _):
        (tmp_path / "cards").mkdir()
        for card in cards:
            card.save(tmp_path / "cards" / f"{card.name}.json")
        words = [KLOPF, "demand", "run", folder, "--devices", tmp_path / "cards"]
        first = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert first.stdout and "round 1" in first.stdout.readline()
        first.kill()
        first.wait()
        before = made.state()["round"]
        assert 1 <= before < 4
        capsys.readouterr()
        assert ran("demand", "run", folder, "--devices", tmp_path / "cards", "--json") == 1  # .99 is not met
        said = json.loads(capsys.readouterr().out)
        assert "reported" in said["what"] and sum(said["shares"].values()) == pytest.approx(1)
        assert [one["number"] for one in made.state()["rounds"]] == [1, 2, 3, 4]
    # all is over: nobody needs to be there any more
    ran("demand", "run", folder, "--devices", tmp_path / "cards")
    assert "more" in capsys.readouterr().out
    net.pass_time(3700)
    ran("demand", "run", folder, "--devices", tmp_path / "cards", "--json")
    paid = json.loads(capsys.readouterr().out)["paid"]
    ran("demand", "run", folder, "--devices", tmp_path / "cards", "--json")
    assert json.loads(capsys.readouterr().out)["paid"] == {}
    for card in cards:
        assert net.admin.token.balance(card.payee) == pytest.approx(100 * KLP * said["shares"][card.name], rel=1e-12)
    assert set(paid) == {card.payee for card in cards}
    assert net.admin.jobs.held() == 0
    assert ledger.verify(net.admin, []) == []


def test_status_before_anything(tmp_path, capsys):
    assert ran("demand", "post", written(tmp_path), tmp_path / "load") == 0
    assert "committed" in capsys.readouterr().out
    assert ran("demand", "status", tmp_path / "load") == 1
    assert "round 0 of 10, not tested yet" in capsys.readouterr().out
    assert (tmp_path / "load" / "server.key").stat().st_mode & 0o77 == 0
    assert fleet.Card.read(tmp_path / "load" / "card.json").name == "server"
    assert ran("demand", "run", tmp_path / "load") == 2
    assert "no cards in" in capsys.readouterr().err


def test_the_example_is_a_demand(tmp_path, capsys):
    assert ran("demand", "example") == 0
    (tmp_path / "demand.toml").write_text(capsys.readouterr().out)
    assert fleet.DemandSettings.read(tmp_path / "demand.toml").rounds == 30


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("rounds = 0", "rounds"),
        ("colour = 1", "colour"),
        ("job = ", "no TOML"),
        ('target = "colour"', "colour"),
        ('strategy = "best"', "no strategy"),
        ("sensors = 3", "does not fit"),
        ('name = "os"', "no model"),
    ],
)
def test_what_is_wrong_with_a_demand_is_one_line_and_nothing_is_left(tmp_path, wrong, said):
    lines = written(tmp_path).read_text()
    name = wrong.split()[0]
    kept = [line for line in lines.splitlines() if not line.startswith(f"{name} =")]
    text = "\n".join([wrong, *kept]) if name not in ("sensors", "name") else lines
    text = text.replace("sensors = 64", wrong) if name == "sensors" else text
    text = text.replace('name = "mind"', wrong) if name == "name" else text
    (tmp_path / "demand.toml").write_text(text)
    with pytest.raises(KlopfError, match=said) as caught:
        fleet.DemandFolder.create(tmp_path / "load", fleet.DemandSettings.read(tmp_path / "demand.toml"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "load").exists()


def test_cards_are_read_with_care(tmp_path):
    post = fleet.Post("d1")
    post.card("0x" + "ab" * 20).save(tmp_path / "d1.json")
    assert fleet.Card.read(tmp_path / "d1.json").payee == "0x" + "ab" * 20
    good = json.loads((tmp_path / "d1.json").read_text())
    wrong: dict[str, list[object]] = {
        "name": ["../x", "a/b", "", ".", "x" * 65, 5, None], "key": ["0x12", 5, None], "endpoint": [5, None, {}],
        "payee": ["0x" + "0" * 40, "ann", "0x" + "g" * 40, 5, ["a"], {"a": 1}], "certificate": ["xy", 5, None],
        "devices": [5, ["../x"], ["a", "a"], [5], [f"d{i}" for i in range(301)], None],
    }  # fmt: skip
    texts = [json.dumps({**good, name: value}) for name, values in wrong.items() for value in values]
    for text in ("", "[]", '{"name": "x"}', "[" * 99_999, json.dumps(good) + " " * (1 << 18), *texts):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(FleetError, match="no card"):
            fleet.Card.read(tmp_path / "bad.json")


def test_a_copied_card_is_nobodys_work_under_another_name(tmp_path):
    honest = fleet.Post("ann").card()
    honest.save(tmp_path / "ann.json")
    fleet.Card("mallory", honest.peer, "0x" + "cd" * 20).save(tmp_path / "mallory.json")
    with pytest.raises(FleetError, match=r"ann.json and mallory.json .* both of the key"):
        cards_in(tmp_path)


@pytest.fixture
def network(tmp_path):
    """A ledger, its deployment's file, and a payer's key file with 500 KLP."""
    net = embedded()
    net.admin.deployment.save(tmp_path / "deployment.json")
    payer = secret(5)
    net.admin.fund(payer.address, tokens=500 * KLP)
    return net, payer


def with_price(network, tmp_path, monkeypatch, *more: object) -> int:
    net, payer = network
    monkeypatch.setattr("klopf.console.cli.demand.load_key", lambda path: payer)
    words = ["--deployment", tmp_path / "deployment.json", "--rpc", net.admin.rpc.where]
    return ran("demand", "post", tmp_path / "demand.toml", tmp_path / "load", *words, *more)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--price", "0"), "locks nothing"),
        (("--price", "1000"), "has 500 KLP"),
        (("--price", "10", "--days", "-1"), "from an hour"),
        (("--price", "10", "--days", "nan"), "from an hour"),
        (("--price", "10", "--days", "0.0001"), "from an hour"),
        (("--price", "10", "--dispute-hours", "0.5"), "from 1 to 720"),
        (("--price", "10", "--dispute-hours", "nan"), "from 1 to 720"),
    ],
)
def test_a_price_that_cannot_be_locked_leaves_nothing(network, tmp_path, monkeypatch, capsys, more, said):
    written(tmp_path)
    assert with_price(network, tmp_path, monkeypatch, *more) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "load").exists()
    assert network[0].admin.jobs.held() == 0


def test_stopped_before_or_after_the_price_is_locked_the_same_command_goes_on(network, tmp_path, monkeypatch, capsys):
    net, _ = network
    written(tmp_path)
    ending = pytest.MonkeyPatch()
    ending.setattr(fleet.DemandFolder, "note_job", lambda *_: (_ for _ in ()).throw(FleetError("killed")))
    assert with_price(network, tmp_path, monkeypatch, "--price", "10") == 2
    ending.undo()
    assert net.admin.jobs.held() == 10 * KLP
    assert ran("demand", "run", tmp_path / "load", "--devices", tmp_path) == 2  # no card is there: said first
    assert with_price(network, tmp_path, monkeypatch, "--price", "11") == 2
    assert "another demand or price" in capsys.readouterr().err
    assert with_price(network, tmp_path, monkeypatch, "--price", "10") == 0
    assert net.admin.jobs.held() == 10 * KLP  # once
    assert fleet.DemandFolder(tmp_path / "load").job()["id"] == 1
    assert Path(fleet.DemandFolder(tmp_path / "load").job()["rpc"]).is_absolute()


def test_an_escrow_that_nobody_can_report_on_any_more_is_the_payers_again_and_nobody_trains(
    network, tmp_path, monkeypatch, capsys
):
    net, payer = network
    written(tmp_path)
    assert with_price(network, tmp_path, monkeypatch, "--price", "10", "--days", "0.05") == 0
    net.pass_time(5000)
    (tmp_path / "cards").mkdir()
    fleet.Post("d1").card().save(tmp_path / "cards" / "d1.json")
    for _ in range(2):
        capsys.readouterr()
        assert ran("demand", "run", tmp_path / "load", "--devices", tmp_path / "cards") == 2
        assert "gone back to its payer" in capsys.readouterr().err
        assert net.admin.token.balance(payer.address) == 500 * KLP


def test_what_a_demand_leaves_open_is_said_when_it_is_posted(tmp_path, capsys):
    text = written(tmp_path).read_text()
    wrong = text.replace("outputs = 10", 'outputs = 1, output = "linear"')
    plain, said = text.replace("[model]", 'mode = "plain"\n[model]'), {}
    for name, content in (("fine", text), ("numbers", wrong), ("plain", plain)):
        (tmp_path / "demand.toml").write_text(content)
        assert ran("demand", "post", tmp_path / "demand.toml", tmp_path / name, "--json") == 0
        given = capsys.readouterr()
        said[name] = json.loads(given.out)["remarks"]
        assert given.err == "".join(f"note: {line}\n" for line in said[name])
    assert said["fine"] == [] and len(said["numbers"]) == len(said["plain"]) == 1
    assert (
        "whole numbers from 0 to 9" in said["numbers"][0] and 'outputs = 10, output = "softmax"' in said["numbers"][0]
    )
    assert "about a quarter" in said["plain"][0] and fleet.DemandFolder(tmp_path / "plain").demand().sealed is False
    assert fleet.DemandFolder(tmp_path / "fine").demand().sealed is True


def test_one_folder_is_run_by_one_process_and_is_its_owners_alone(tmp_path, capsys):
    made = fleet.DemandFolder.create(tmp_path / "load", fleet.DemandSettings.read(written(tmp_path)))
    for name in ("records.npz", "demand.json", "server.key"):
        assert (made.path / name).stat().st_mode & 0o77 == 0
    with made.held():
        assert ran("demand", "run", made.path, "--devices", tmp_path) == 2
    assert "another process runs" in capsys.readouterr().err


def test_two_cards_of_one_name_are_told_by_their_files(tmp_path, capsys):
    made = fleet.DemandFolder.create(tmp_path / "load", fleet.DemandSettings.read(written(tmp_path)))
    (tmp_path / "cards").mkdir()
    for file in ("a", "b"):
        fleet.Post("ann").card().save(tmp_path / "cards" / f"{file}.json")
    assert ran("demand", "run", made.path, "--devices", tmp_path / "cards") == 2
    assert "a.json and b.json" in capsys.readouterr().err


def test_a_model_that_is_too_large_to_travel_is_not_posted(tmp_path, monkeypatch):
    monkeypatch.setattr("klopf.fleet._demand.MOST", 2000)
    with pytest.raises(FleetError, match="2,000 are the most"):
        fleet.DemandFolder.create(tmp_path / "load", fleet.DemandSettings.read(written(tmp_path)))


@pytest.mark.parametrize("wrong", ["goal = 2.0", "goal = nan", 'outputs = 3, output = "linear"'])
def test_what_can_never_work_is_not_posted(tmp_path, wrong):
    text = written(tmp_path).read_text()
    text = text.replace("goal = 0.9", wrong) if wrong.startswith("goal") else text
    text = text.replace("outputs = 10", wrong) if wrong.startswith("outputs") else text
    (tmp_path / "demand.toml").write_text(text)
    with pytest.raises(FleetError):
        fleet.DemandFolder.create(tmp_path / "load", fleet.DemandSettings.read(tmp_path / "demand.toml"))


def test_a_table_works_for_a_demand_from_the_terminal(tmp_path):
    made = fleet.DemandFolder.create(tmp_path / "load", fleet.DemandSettings.read(written(tmp_path, 0.5, 2)))
    made.post().card().save(tmp_path / "server.json")
    words = [KLOPF, "demand", "serve", tmp_path / "ann", "--data", tmp_path / "test.csv"]
    served = subprocess.Popen([*words, "--server", tmp_path / "server.json"], stdout=subprocess.PIPE, text=True)
    try:
        assert served.stdout and "ann serves" in served.stdout.readline()
        again = subprocess.run(
            [*words, "--server", tmp_path / "server.json"], capture_output=True, text=True, timeout=60
        )
        assert again.returncode == 2 and "is served by another process: end that one first" in again.stderr
        (tmp_path / "cards").mkdir()
        (tmp_path / "ann" / "card.json").rename(tmp_path / "cards" / "ann.json")
        ran("demand", "run", made.path, "--devices", tmp_path / "cards")
        assert made.state()["round"] >= 1 and made.state()["score"] > 0.3
    finally:
        served.terminate()
        served.wait()
    assert (tmp_path / "ann").stat().st_mode & 0o77 == 0


def test_columns_far_out_are_told_of_where_gradients_learn_from_them(tmp_path, capsys):
    """Four rounds of a patient's measures in their own units, areas in hundreds, came to one class for everybody."""
    rng = np.random.default_rng(0)
    rows = "".join(
        f"{a:.2f},{b:.2f},{int(a > 650)}\n" for a, b in zip(rng.normal(650, 350, 80), rng.normal(size=80), strict=True)
    )
    (tmp_path / "test.csv").write_text("area,smooth,kind\n" + rows)
    for name, settings in (("mind", "{ sensors = 2, outputs = 2, hidden = [8] }"), ("ridge", "{ features = 2 }")):
        (tmp_path / "demand.toml").write_text(
            f'job = "j"\ntest = "test.csv"\ntarget = "kind"\n[model]\nname = "{name}"\nsettings = {settings}\n'
        )
        assert ran("demand", "post", tmp_path / "demand.toml", tmp_path / name, "--json") == 0
        remarks = json.loads(capsys.readouterr().out)["remarks"]
        assert any("area lies around" in one and "columns are" not in one for one in remarks) == (name == "mind")
