"""The command line at its edges: help everywhere, and one line with exit status 2 for whatever cannot be done."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

KLOPF = Path(sys.executable).with_name("klopf")


def klopf(*arguments, stdin=None, passphrase="correct horse", cwd=None):
    environment = os.environ | ({"KLOPF_PASSPHRASE": passphrase} if passphrase is not None else {})
    return subprocess.run(
        [KLOPF, *map(str, arguments)], input=stdin, capture_output=True, text=True, env=environment, cwd=cwd,
        timeout=120, check=False,
    )  # fmt: skip


def refused(done) -> str:
    """The one line with which a command refused."""
    assert done.returncode == 2, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("klopf: ")
    return lines[0]


COMMANDS = [[], ["demo"], ["run"], ["status"], ["verify"], ["neuron"], ["keys"], ["keys", "new"], ["keys", "show"],
            ["keys", "backup"], ["keys", "restore"], ["chain"], ["chain", "serve"]]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command):
    done = klopf(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_the_example_is_a_network_that_can_be_read(tmp_path):
    from klopf.network import read_settings

    done = klopf("run", "--example")
    (tmp_path / "network.toml").write_text(done.stdout)
    settings = read_settings(tmp_path / "network.toml")
    assert [n.name for n in settings.neuron] == ["ada", "ben", "cleo"]


def test_the_example_shows_every_setting_with_its_default():
    import tomllib

    from klopf.network import EXAMPLE, NetworkSettings

    shown = tomllib.loads(EXAMPLE)
    default = NetworkSettings.model_validate(
        {"data": {"file": "x"}, "neuron": shown["neuron"], "auditor": shown["auditor"]}
    )
    for table in ("data", "requester", "ledger", "wire", "rules"):
        fields = getattr(default, table).model_dump(mode="json")
        missing = set(fields) - set(shown[table]) - {"rpc", "key"}
        assert not missing, f"[{table}] does not show {missing}"
        for name, value in shown[table].items():
            if (table, name) != ("data", "file"):
                assert fields[name] == value, (table, name)


# ---- what cannot be done

GOOD = "a,b,label\n" + "".join(f"{i % 7},{i % 5},{'red' if i % 2 else 'blue'}\n" for i in range(300))
NETWORK = """
[data]
file = "table.csv"
target = "label"
[[neuron]]
name = "one"
[[neuron]]
name = "two"
[[auditor]]
name = "three"
"""


@pytest.mark.parametrize(
    ("table", "network", "said"),
    [
        (None, NETWORK, "no file .*table.csv"),
        (GOOD, NETWORK.replace('"label"', '"colour"'), "no column 'colour': it has a, b, label"),
        (GOOD.replace("3,3,", "3,many,"), NETWORK, "column 'b' holds .* where a number is needed"),
        (GOOD.replace("blue", "", 1), NETWORK, "target 'label' is empty in row 1: leave the row out"),
        (GOOD.replace("blue", "red"), NETWORK, "one class only"),
        ("a,label\n1.0,x\n2.0,y\n", NETWORK, "leave|left"),
        (GOOD, NETWORK.replace("[[auditor]]", "[[spy]]"), "auditor: it is missing|spy"),
        (GOOD, NETWORK.replace('"two"', '"one"'), "'one' is given twice"),
        (GOOD, NETWORK.replace('[[neuron]]\nname = "two"\n', ""), "neuron: 1 are given, a network needs 2"),
        (GOOD, NETWORK.replace('"two"', '"two"\nmodel = "oracle"'), "neuron 'two': no model is called 'oracle'"),
        (GOOD, NETWORK.replace('name = "two"', 'name = "two"\nsettings = {hidden = "many"}'), "neuron 'two': "),
        (GOOD, NETWORK + "[ledger]\nrpc = 'http://127.0.0.1:9'\n", "ledger.rpc needs ledger.key"),
        (GOOD, "[data\n", "is not TOML"),
        (GOOD, NETWORK + "[rules]\nsteak = 4\n", "rules.steak: there is no such setting, did you mean stake?"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_line_and_leaves_nothing(tmp_path, table, network, said):
    import re

    if table is not None:
        (tmp_path / "table.csv").write_text(table)
    (tmp_path / "network.toml").write_text(network)
    line = refused(klopf("run", tmp_path / "network.toml", "--folder", tmp_path / "run"))
    assert re.search(said, line), line
    assert not (tmp_path / "run").exists()


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "table.csv").write_text(GOOD)
        (tmp_path / "network.toml").write_text(NETWORK + f"[wire]\nfirst_port = {port}\n")
        line = refused(klopf("run", tmp_path / "network.toml", "--folder", tmp_path / "run"))
    assert f"127.0.0.1:{port}" in line
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("x")
    assert "not empty" in refused(klopf("demo", "--folder", tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["precious"]


def test_where_there_is_no_room_nothing_is_left_behind(tmp_path):
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 97; exec {KLOPF} demo --folder {tmp_path / 'run'}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    refused(done)
    assert not (tmp_path / "run").exists()


def test_a_network_file_that_is_not_there():
    assert "klopf run --example" in refused(klopf("run", "nowhere.toml"))
    assert "klopf run --example" in refused(klopf("run"))


def test_unknown_commands_and_options_are_named():
    assert "frobnicate" in refused(klopf("frobnicate"))
    assert "--colour" in refused(klopf("demo", "--colour", "red"))
    line = refused(klopf("demo", "--seed", "many"))
    assert "--seed" in line and line.endswith("see `klopf demo --help`")
    line = refused(klopf("keys", "show", "a.json", "b.json"))
    assert "'b.json' is more than this command takes; see `klopf keys show --help`" in line


@pytest.mark.parametrize("command", ["status", "verify"])
def test_what_is_no_run_folder_is_refused(command, tmp_path):
    assert "not a run folder" in refused(klopf(command, tmp_path))


# ---- keys


def test_a_key_is_made_shown_backed_up_and_restored(tmp_path):
    made = klopf("keys", "new", tmp_path / "key.json")
    address = made.stdout.strip()
    assert made.returncode == 0
    assert klopf("keys", "show", tmp_path / "key.json", passphrase=None).stdout.strip() == address
    words = klopf("keys", "backup", tmp_path / "key.json").stdout
    assert len(words.split()) == 24
    back = klopf("keys", "restore", tmp_path / "again.json", stdin=words, passphrase="another")
    assert back.stdout.strip() == address
    assert klopf("keys", "backup", tmp_path / "again.json", passphrase="another").stdout == words
    for file in ("key.json", "again.json"):
        assert (tmp_path / file).stat().st_mode & 0o077 == 0
        assert not any(word in json.dumps(json.loads((tmp_path / file).read_text())).split() for word in words.split())


def test_wrong_passphrases_words_and_files_are_refused(tmp_path):
    klopf("keys", "new", tmp_path / "key.json")
    assert "passphrase" in refused(klopf("keys", "backup", tmp_path / "key.json", passphrase="wrong"))
    assert "never overwritten" in refused(klopf("keys", "new", tmp_path / "key.json"))
    assert "an empty passphrase" in refused(klopf("keys", "new", tmp_path / "c.json", passphrase=""))
    assert not (tmp_path / "c.json").exists()
    refused(klopf("keys", "restore", tmp_path / "b.json", stdin="one two three\n"))
    assert not (tmp_path / "b.json").exists()
    refused(klopf("keys", "show", tmp_path / "nothing.json"))
    (tmp_path / "half.json").write_text((tmp_path / "key.json").read_text()[:100])
    refused(klopf("keys", "backup", tmp_path / "half.json"))


def test_a_run_with_a_wrong_passphrase_for_its_ledger_key_is_refused(tmp_path):
    klopf("keys", "new", tmp_path / "operator.json")
    (tmp_path / "table.csv").write_text(GOOD)
    (tmp_path / "network.toml").write_text(NETWORK + "[ledger]\nrpc = 'http://127.0.0.1:9'\nkey = 'operator.json'\n")
    line = refused(klopf("run", tmp_path / "network.toml", "--folder", tmp_path / "run", passphrase="wrong"))
    assert "passphrase" in line
    line = refused(klopf("run", tmp_path / "network.toml", "--folder", tmp_path / "run"))
    assert "127.0.0.1:9" in line
    assert not (tmp_path / "run").exists()


def test_numbers_out_of_range_are_one_line(tmp_path):
    klopf("keys", "new", tmp_path / "key.json")
    words = klopf("keys", "backup", tmp_path / "key.json").stdout
    for index in ("-1", "99999999999999999999"):
        assert "--index" in refused(klopf("keys", "restore", tmp_path / "b.json", "--index", index, stdin=words))
    assert not (tmp_path / "b.json").exists()
    for port in ("99999", "-1"):
        assert "--port" in refused(klopf("chain", "serve", tmp_path / "ledger.sqlite", "--port", port))
    (tmp_path / "table.csv").write_text(GOOD)
    for more, said in (
        ("[wire]\nfirst_port = 65536\n", "wire.first_port"),
        ("[requester]\nfee = 3\nbudget = 2\n", "more than the budget"),
        ("[rules]\nstake = inf\n", "rules.stake"),
    ):
        (tmp_path / "network.toml").write_text(NETWORK + more)
        assert said in refused(klopf("run", tmp_path / "network.toml", "--folder", tmp_path / "run"))
    (tmp_path / "run.json").write_text(
        '{"settings": {"data": {"file": "x"}, "neuron": [{"name": "a"}, {"name": "b"}], "auditor": [{"name": "c"}], '
        '"rules": {"emission": Infinity}}, "members": [], "task": {}}'
    )
    assert "is damaged" in refused(klopf("status", tmp_path))


# ---- the chain over HTTP


def test_a_chain_file_is_served_over_http(tmp_path):
    import time
    import urllib.request

    from klopf import chain

    chain.create(tmp_path / "ledger.sqlite", chain_id=77).close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([KLOPF, "chain", "serve", tmp_path / "ledger.sqlite", "--port", str(port)])
    try:
        ask = urllib.request.Request(
            f"http://127.0.0.1:{port}",
            b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}',
            {"Content-Type": "application/json"},
        )
        for _ in range(200):
            try:
                answer = json.load(urllib.request.urlopen(ask, timeout=5))
                break
            except OSError:
                time.sleep(0.1)
        assert answer["result"] == hex(77)
    finally:
        server.terminate()
        server.wait(10)
    assert "no" in refused(klopf("chain", "serve", tmp_path / "nothing.sqlite"))


def test_the_closing_table_names_the_tasks_of_its_audits(capsys, monkeypatch):
    from klopf.console.cli.live import print_summary
    from klopf.network import Summary
    from klopf.network._summary import NeuronRow

    monkeypatch.setenv("COLUMNS", "200")
    row = NeuronRow(1, "ada", "mind", True, "backbone", 0.5, {"accuracy": 1.0, "robustness": 0.99}, 0, 0)
    print_summary(Summary("n", 0, 0.0, neurons=[row]))
    told = capsys.readouterr().out
    assert "audit: accuracy / robustness" in told and "100% / 99%" in told


def test_a_new_network_cannot_be_raced_unless_its_founder_says_so(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from klopf import network
    from klopf.console.cli import joining

    told = []
    monkeypatch.setenv("KLOPF_PASSPHRASE", "horse")
    monkeypatch.setattr(network.Schema, "read", lambda file: None)
    monkeypatch.setattr(
        network, "found", lambda *_, terms, **__: told.append(terms["Rules"]) or SimpleNamespace(directory="0x")
    )
    for changes in ([], ["listen_seconds=100", "claim_seconds=9"], ["least_seconds=0"], ["Rules.least_seconds=7"]):
        joining.new(tmp_path / "net", schema=tmp_path / "schema.json", rpc="http://127.0.0.1:1", changes=changes)
    assert [rules.least_seconds for rules in told] == [30, 4, 0, 7]
