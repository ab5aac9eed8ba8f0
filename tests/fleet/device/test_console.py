"""``klopf device`` at a terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from klopf.fleet import device
from klopf.ledger import keys

KLOPF = str(Path(sys.executable).with_name("klopf"))


def klopf(*words, secret="a passphrase"):
    environment = {**os.environ, "KLOPF_PASSPHRASE": secret}
    return subprocess.run([KLOPF, *map(str, words)], capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.long
def test_a_device_is_made_whole_or_not_at_all(home):
    done = klopf("device", "new", home / "meter")
    assert done.returncode == 0 and done.stdout.startswith("0x") and "device backup" in done.stderr
    shown = klopf("keys", "show", home / "meter/trusted/key.json")
    assert shown.stdout == done.stdout
    words = klopf("device", "backup", home / "meter")
    assert len(words.stdout.split()) == 24 and words.stderr == done.stdout
    again = klopf("device", "new", home / "meter")
    assert again.returncode == 2 and again.stderr.count("\n") == 1 and "new folder" in again.stderr
    nobody = klopf("device", "new", home / "other", "--user", "nobody-of-that-name")
    assert nobody.returncode == 2 and nobody.stderr.count("\n") == 1 and not (home / "other").exists()
    empty = klopf("device", "new", home / "other", secret="")
    assert empty.returncode == 2 and not (home / "other").exists()


@pytest.mark.long
def test_from_a_folder_of_readings_to_signed_records(home, tmp_path):
    folder = home / "reader"
    assert klopf("device", "new", folder).returncode == 0
    readings = home / "readings"
    readings.mkdir()
    (readings / "a.csv").write_text("home,load\na,1.5\nb,2.5\n")
    policy = home / "policy.toml"
    policy.write_text('device = "m"\n[fields]\nhome = { action = "pseudonym" }\nload = { action = "keep" }\n')
    nothing = klopf("device", "serve", folder, "--once")
    assert nothing.returncode == 2 and "nothing has joined" in nothing.stderr
    joined = klopf("device", "join", folder, "--data", readings, "--policy", policy)
    assert joined.returncode == 0, joined.stderr
    served = klopf("device", "serve", folder, "--once", "--json")
    assert json.loads(served.stdout) == {"stored": 1}, served.stderr
    (line,) = device.stored(folder)
    address = klopf("keys", "show", folder / "trusted/key.json").stdout.strip()
    assert keys.recover(device.digest_of(line["record"]), bytes.fromhex(line["signature"])) == address
    assert '"records"' in (folder / "trusted/signed.log").read_text()


def test_a_description_is_printed(tmp_path):
    (tmp_path / "m.csv").write_text("home,load\na,1.5\n")
    done = klopf("device", "thing", tmp_path / "m.csv", "--broker", "mqtt://localhost", "--topic", "home/meter")
    assert device.Thing(json.loads(done.stdout)).topics()[0].filter == "home/meter"
    wrong = klopf("device", "thing", tmp_path / "m.csv", "--broker", "localhost", "--topic", "home/meter")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1
