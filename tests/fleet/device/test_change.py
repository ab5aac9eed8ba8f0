"""What has joined a device is changed or leaves; root works in nobody else's folder, and nothing follows a link."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from klopf import store
from klopf.errors import FleetError, KlopfError
from klopf.fleet import device, trusted
from klopf.ledger import keys
from tests.fleet.device.things import POLICY, THING, thing

KEY = keys.Key(bytes([7]) * 32)
FOLDERS = """
device = "m"
[fields]
home = { action = "pseudonym" }
load = { action = "keep" }
"""
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who could follow a link")


@pytest.fixture
def place(tmp_path):
    """A device that listens to a folder and to a meter."""
    made = tmp_path / "device"
    made.mkdir()
    (made / "pairing").write_text("00" * 32)
    (tmp_path / "readings").mkdir()
    (tmp_path / "policy.toml").write_text(FOLDERS)
    device.join(made, tmp_path / "policy.toml", folder=tmp_path / "readings")
    (tmp_path / "meter.td.json").write_text(json.dumps(THING))
    (tmp_path / "meter.toml").write_text(POLICY)
    device.join(made, tmp_path / "meter.toml", thing=tmp_path / "meter.td.json", name="meter")
    return made


def served(place: Path) -> int:
    (place / "sources.json").write_text(json.dumps([s for s in json.loads((place / "sources.json").read_text())
                                                    if s["folder"]]))  # fmt: skip
    return device.serve(place, KEY, said=lambda line: None, once=True, quiet=0.0)


def test_records_are_stored_by_the_policy_that_is_there_now(place, tmp_path):
    (tmp_path / "stricter.toml").write_text(FOLDERS.replace('load = { action = "keep" }', 'load = { action = "drop" }'))
    changed = device.change(place, "readings", policy=tmp_path / "stricter.toml")
    assert changed in device.sources(place) and len(device.sources(place)) == 2
    (tmp_path / "readings" / "a.csv").write_text("home,load\na,1.5\n")
    assert served(place) == 1
    opened = store.Store(place / "store")
    opened.get(opened.records()[0].root, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "home"


def test_batches_and_description_are_changed(place, tmp_path):
    form = {**THING["events"]["reading"]["forms"][0], "href": "mqtt://elsewhere"}
    (tmp_path / "moved.json").write_text(json.dumps(thing(events={"reading": {**THING["events"]["reading"],
                                                                              "forms": [form]}})))  # fmt: skip
    made = device.change(place, "meter", thing=tmp_path / "moved.json", batch=7, seconds=5.0)
    assert (made.batch, made.seconds) == (7, 5.0) and made in device.sources(place)
    assert "elsewhere" in (place / made.thing).read_text()


def test_what_does_not_fit_changes_nothing(place, tmp_path):
    before = {file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}
    (tmp_path / "fewer.json").write_text(json.dumps(thing(title="Other")).replace('"count"', '"many"'))
    (tmp_path / "none.toml").write_text("nothing")
    wrong = [
        ("no such", {}, "nothing has joined .* what has: readings, meter"),
        ("readings", {"policy": tmp_path / "none.toml"}, "none.toml"),
        ("meter", {"policy": tmp_path / "policy.toml"}, "does not say what becomes of"),
        ("readings", {"thing": tmp_path / "fewer.json"}, "only a thing has a description"),
        ("meter", {"thing": tmp_path / "fewer.json"}, "'many'|count"),
    ]
    for name, more, said in wrong:
        with pytest.raises(KlopfError, match=said) as caught:
            device.change(place, name, **more)
        assert "\n" not in str(caught.value)
    assert {
        file.name: file.read_bytes() for file in place.iterdir() if file.is_file() and file.name in before
    } == before


def test_nothing_is_changed_while_it_is_served(place):
    (place / "sources.json").write_text(json.dumps(json.loads((place / "sources.json").read_text())[:1]))
    stop, up = threading.Event(), threading.Event()
    work = threading.Thread(target=device.serve, args=(place, KEY), kwargs={"said": lambda line: None, "stop": stop})
    work.start()
    try:
        while not (place / "store" / "format").exists():
            up.wait(0.01)
        with pytest.raises(FleetError, match="end that one first"):
            device.change(place, "readings", batch=3)
        with pytest.raises(FleetError, match="end that one first"):
            device.leave(place, "readings")
    finally:
        stop.set()
        work.join(30)


def test_who_leaves_is_listened_to_no_more(place):
    (place / "spool" / "open").mkdir(parents=True)
    (place / "spool" / "open" / "meter.csv").write_text("time\n1\n")
    with pytest.raises(FleetError, match="--once"):
        device.leave(place, "meter")
    (place / "spool" / "open" / "meter.csv").unlink()
    (place / "spool" / "meter.heard").write_bytes(bytes(24))
    device.leave(place, "meter")
    assert not (place / "spool" / "meter.heard").exists()  # another thing of that name was not heard yet
    assert [one.name for one in device.sources(place)] == ["readings"]
    assert not (place / "meter.policy.toml").exists() and not (place / "meter.td.json").exists()


def test_a_link_is_replaced_and_never_written_through(place, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("its own")
    (place / "readings.policy.toml").unlink()
    for name in ("readings.policy.toml", "new.policy.toml"):
        (place / name).symlink_to(victim)
    device.change(place, "readings", policy=tmp_path / "policy.toml")
    (tmp_path / "other").mkdir()
    device.join(place, tmp_path / "policy.toml", folder=tmp_path / "other", name="new")
    assert victim.read_text() == "its own" and not (place / "new.policy.toml").is_symlink()


@ROOT
def test_root_works_in_nobody_elses_folder(place, tmp_path):
    os.chown(place, 12345, 12345)
    for work in (
        lambda: device.join(place, tmp_path / "policy.toml", folder=tmp_path / "readings", name="x"),
        lambda: device.change(place, "readings", batch=3),
        lambda: device.leave(place, "readings"),
        lambda: device.serve(place, KEY, once=True),
        lambda: device.measure(place),
    ):
        with pytest.raises(FleetError, match=r"is #12345's.*sudo -u #12345"):
            work()
    (tmp_path / "link").symlink_to(tmp_path / "readings")
    with pytest.raises(FleetError, match="is a link"):
        device.measure(tmp_path / "link")


def test_a_key_is_backed_up_and_no_link_is_followed(home):
    folder = home / "backed-up"
    address = device.create(folder, "words", settings={"light": True})
    key = trusted.key_of(folder, "words")
    assert key.address == address and keys.restore(key.words(), 0).address == address
    with pytest.raises(KlopfError, match=r"wrong passphrase for .*backed-up/trusted/key.json"):
        trusted.key_of(folder, "others")
    (folder / "trusted" / "key.json").rename(home / "elsewhere.json")
    (folder / "trusted" / "key.json").symlink_to(home / "elsewhere.json")
    with pytest.raises(FleetError, match=r"no key\.json to back up"):
        trusted.key_of(folder, "words")
    (folder / "trusted").rename(home / "moved")
    (folder / "trusted").symlink_to(home / "moved")
    with pytest.raises(FleetError, match="is a link"):
        trusted.key_of(folder, "words")
