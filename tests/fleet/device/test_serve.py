"""A device that watches folders: stored once, signed, and never lost, whatever ends it and whenever."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from klopf import store
from klopf.errors import FleetError, StoreError
from klopf.fleet import device
from klopf.fleet.device import _serve
from klopf.fleet.device._spool import Spool
from klopf.fleet.device._thing import Topic
from klopf.ledger import keys
from tests.fleet.device.things import POLICY, THING, thing

KEY = keys.new()
PLAIN = 'device = "meter-1"\n[fields]\nhome = { action = "pseudonym" }\nload = { action = "keep" }\n'


@pytest.fixture
def place(tmp_path):
    """A device's folder without a trusted part: its key is given."""
    made = tmp_path / "device"
    made.mkdir()
    (made / "pairing").write_text("00" * 32)
    return made


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text(PLAIN)
    return file


@pytest.fixture
def readings(tmp_path):
    folder = tmp_path / "readings"
    folder.mkdir()
    return folder


def records(first, count=5):
    return "home,load\n" + "".join(f"h{i % 3},{i}.5\n" for i in range(first, first + count))


def serve(place, **more):
    lines = []
    return device.serve(place, KEY, said=lines.append, once=True, quiet=0.05, **more), lines


def loads(place):
    """Every load in the store, sorted."""
    opened, found = store.Store(place / "store"), []
    for i, record in enumerate(opened.records()):
        out = place / f"out-{i}"
        opened.get(record.root, out)
        found += [float(line.rpartition(",")[2]) for line in out.read_text().splitlines()[1:]]
        out.unlink()
    return sorted(found)


def test_files_that_appear_are_stored_once_and_signed(place, policy, readings):
    device.join(place, policy, folder=readings)
    (readings / "a.csv").write_text(records(0))
    (readings / "b.csv").write_text(records(5))
    (readings / ".hidden.csv").write_text(records(50))
    (readings / "notes.md").write_text("nothing")
    assert serve(place)[0] == 2
    assert serve(place)[0] == 0
    (readings / "a.csv").write_text(records(10))  # another content under the same name
    assert serve(place)[0] == 1
    assert loads(place) == [i + 0.5 for i in range(15)]
    for line in device.stored(place):
        assert keys.recover(device.digest_of(line["record"]), bytes.fromhex(line["signature"])) == KEY.address
        assert store.Store(place / "store").trace(store.Cid.parse(line["root"]))[0].device == "meter-1"
    names = [record.name for record in store.Store(place / "store").records()]
    assert sorted(names) == ["readings-1.csv", "readings-2.csv", "readings-3.csv"]  # not those of the files


def test_parquet_is_taken_too(place, policy, readings):
    polars = pytest.importorskip("polars")
    polars.DataFrame({"home": ["a", "b"], "load": [1.5, 2.5]}).write_parquet(readings / "meter.parquet")
    device.join(place, policy, folder=readings)
    assert serve(place)[0] == 1 and loads(place) == [1.5, 2.5]


def test_what_the_store_refuses_is_put_aside_with_a_line(place, policy, readings):
    device.join(place, policy, folder=readings)
    (readings / "a.csv").write_text("home,load,owner\nh1,1.5,Ann\n")
    (readings / "b.csv").write_text(records(0))
    count, lines = serve(place)
    assert count == 1 and any("refused" in line and "'owner'" in line for line in lines)
    assert len(list((place / "spool/refused").iterdir())) == 1
    assert serve(place) == (0, []) and loads(place) == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_a_file_that_is_being_written_is_left_alone(place, policy, readings):
    device.join(place, policy, folder=readings)
    (readings / "a.csv").write_text(records(0))
    stop, lines = threading.Event(), []
    args = {"said": lines.append, "stop": stop, "quiet": 1.0}
    server = threading.Thread(target=device.serve, args=(place, KEY), kwargs=args, daemon=True)
    server.start()
    for i in range(12):
        with (readings / "a.csv").open("a") as file:
            file.write(f"h,{10 + i}.5\n")
        time.sleep(0.1)
        if i < 9:
            assert not device.stored(place)
    deadline = time.monotonic() + 30
    while not device.stored(place) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    server.join(30)
    assert loads(place)[-1] == 21.5 and len(device.stored(place)) == 1


def test_joining_is_checked_before_anything_is_written(place, policy, readings, tmp_path):
    td = tmp_path / "meter.td.json"
    td.write_text(json.dumps(THING))
    full = tmp_path / "full.toml"
    full.write_text(POLICY)
    wrong = {
        "what joins": {"policy": policy},
        "folder nowhere|no folder": {"policy": policy, "folder": tmp_path / "nowhere"},
        "device's own folder": {"policy": policy, "folder": place},
        "is no name": {"policy": policy, "folder": readings, "name": "../x"},
        "'time', which Meter tells": {"policy": policy, "thing": td},
        "cannot read": {"policy": full, "thing": tmp_path / "none.json"},
        "cannot read the policy": {"policy": tmp_path / "none.toml", "folder": readings},
    }
    for what, given in wrong.items():
        with pytest.raises((FleetError, StoreError), match=what) as refused:
            device.join(place, **given)
        assert "\n" not in str(refused.value)
    assert sorted(file.name for file in place.iterdir()) == ["pairing"]
    full.write_text(POLICY + 'owner = { action = "drop" }\n')
    with pytest.raises(FleetError, match="'owner', which Meter does not tell"):
        device.join(place, full, thing=td)
    full.write_text(POLICY)
    (tmp_path / "two.td.json").write_text(json.dumps(thing(events={
        "a": THING["events"]["reading"],
        "b": {**THING["events"]["reading"], "forms": [{**THING["events"]["reading"]["forms"][0], "mqv:filter": "b"}]},
    })))  # fmt: skip
    with pytest.raises(FleetError, match="several kinds"):
        device.join(place, full, thing=tmp_path / "two.td.json")
    device.join(place, policy, folder=readings)
    with pytest.raises(FleetError, match="joined already"):
        device.join(place, policy, folder=readings)
    assert [one.name for one in device.sources(place)] == ["readings"]
    (place / "sources.json").write_text('[{"name": "../../etc", "folder": "/"}]')
    with pytest.raises(FleetError, match="damaged"):
        device.sources(place)


def test_without_a_device_or_anything_that_joined(tmp_path, place, policy, readings):
    with pytest.raises(FleetError, match="klopf device new"):
        device.join(readings, policy, folder=tmp_path)
    with pytest.raises(FleetError, match="nothing has joined"):
        serve(place)


def test_only_one_serves(place, policy, readings):
    device.join(place, policy, folder=readings)
    holding = "import sys, time, klopf.files as f; f.lock(sys.argv[1]); print(1, flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", holding, str(place / "serving")], stdout=subprocess.PIPE)
    try:
        other.stdout.read(1)
        with pytest.raises(FleetError, match="another process serves"):
            serve(place)
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_a_torn_last_line_is_dropped_and_the_rest_stays(place):
    spool = Spool(place, lambda name: False)
    spool.append("m", ["home", "load"], [["a", "1"], ["b", "2"]])
    with (place / "spool/open/m.csv").open("ab") as file:
        file.write(b"c,")
    spool = Spool(place, lambda name: False)
    assert spool.append("m", ["home", "load"], [["d", "4"]]) == 3
    spool.close("m", batch=4, seconds=3600)
    assert not list(spool.ready())
    spool.close("m", batch=3, seconds=3600)
    (file,) = spool.ready()
    assert file.read_text() == "home,load\na,1\nb,2\nd,4\n" and spool.source_of(file) == "m"


def test_no_room_for_a_record_leaves_no_half_of_it(place, monkeypatch):
    spool = Spool(place, lambda name: False)
    spool.append("m", ["home", "load"], [["a", "1"]])

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            spool.append("m", ["home", "load"], [["b", "2"]])
    assert (place / "spool/open/m.csv").read_text() == "home,load\na,1\n"
    assert spool.append("m", ["home", "load"], [["c", "3"]]) == 2


@pytest.mark.parametrize("cut", [1, 5, 60, 200])
def test_a_line_that_a_crash_tore_stops_no_device(place, policy, readings, cut):
    """In what was signed, and in what was taken: signed again, stored no second time; and at the next start nothing."""
    device.join(place, policy, folder=readings)
    (readings / "a.csv").write_text(records(0))
    serve(place)
    for name in ("stored.jsonl", "spool/taken.jsonl"):
        (place / name).write_bytes((place / name).read_bytes()[:cut])
    (readings / "b.csv").write_text(records(5))
    for start in range(3):
        _, lines = serve(place)
        assert start == 0 or not lines
        for line in device.stored(place):
            assert keys.recover(device.digest_of(line["record"]), bytes.fromhex(line["signature"])) == KEY.address
    assert {line["record"] for line in device.stored(place)} == {
        str(one.cid) for one in store.Store(place / "store").records()
    }
    assert set(loads(place)) == {i + 0.5 for i in range(10)}


def test_damaged_lines_are_told_and_passed_over(place, policy, readings):
    device.join(place, policy, folder=readings)
    (readings / "a.csv").write_text(records(0))
    serve(place)
    for name in ("stored.jsonl", "spool/taken.jsonl"):
        (place / name).write_bytes(b'{"root":{"root": 1}\n{}\n' + (place / name).read_bytes())
    count, lines = serve(place)
    assert count == 0 and loads(place) == [0.5, 1.5, 2.5, 3.5, 4.5] and len(device.stored(place)) == 1
    for name in ("stored.jsonl", "taken.jsonl"):
        assert sum(name in line for line in lines) == 2


def test_whatever_a_message_brings_about_it_is_acknowledged(place, tmp_path, monkeypatch):
    """Else it is sent again at each start. What else goes wrong while a file is stored puts that file aside."""
    (tmp_path / "td.json").write_text(json.dumps(THING))
    (tmp_path / "full.toml").write_text(POLICY)
    device.join(place, tmp_path / "full.toml", thing=tmp_path / "td.json")
    good = b'{"home": "a", "load": 1}'
    waiting = [(1, 1, b'{"home": "a", "load": 1' + b"0" * 400 + b"}"), (1, 2, b"odd"), (1, 3, good)]
    acknowledged = []

    class Heard:
        def messages(self):
            found, waiting[:] = list(waiting), []
            return found

        def acknowledge(self, messages):
            acknowledged.extend(number for _, number, _ in messages)

        def close(self):
            pass

    monkeypatch.setattr(_serve._Work, "_hearer", lambda *given: Heard())
    whole = Topic.cells
    monkeypatch.setattr(
        Topic, "cells", lambda self, payload, now: whole(self, payload, now) if payload != b"odd" else 1 / 0
    )
    monkeypatch.setattr(store.Store, "add", lambda *given: [][0])
    count, lines = serve(place)
    assert count == 0 and acknowledged == [1, 2, 3]
    assert [any(what in line for line in lines) for what in ("20 digits", "ZeroDivisionError", "IndexError")] == [
        True
    ] * 3
    (kept,) = (place / "spool/refused").iterdir()
    assert "a,1" in kept.read_text()


CRASHING = """
import os, sys
from pathlib import Path
from klopf import files
from klopf.fleet import device
from klopf.ledger import keys
left = int(sys.argv[2])
def dying(name):
    whole = getattr(files, name)
    def one(*given, **more):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return whole(*given, **more)
    setattr(files, name, one)
for name in ("replace", "append_line", "sync", "create"):
    dying(name)
device.serve(Path(sys.argv[1]), keys.Key(bytes([7]) * 32), said=lambda line: None, once=True, quiet=0.05)
"""


@pytest.mark.long
def test_killed_at_any_write_everything_is_stored_once(place, policy, readings, tmp_path):
    """Killed before each write in turn, then served again: never lost, never twice."""
    device.join(place, policy, folder=readings)
    for i in range(3):
        (readings / f"{i}.csv").write_text(records(5 * i))
    whole, kills, moment = tmp_path / "whole", 0, 0
    shutil.copytree(place, whole)
    while True:
        moment += 3
        shutil.rmtree(place)
        shutil.copytree(whole, place)
        done = subprocess.run([sys.executable, "-c", CRASHING, str(place), str(moment)], timeout=120, check=False)
        serve(place)
        assert loads(place) == [i + 0.5 for i in range(15)], f"killed before write {moment}"
        assert len(device.stored(place)) == 3
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        kills += 1
    assert kills >= 8
