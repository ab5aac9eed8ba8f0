"""Things over a real broker (mosquitto): nothing that was acknowledged is lost, whoever is restarted or killed."""

import contextlib
import importlib.util
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from klopf import store
from klopf.errors import FleetError, MissingExtra
from klopf.fleet import device
from klopf.ledger import keys
from tests.conftest import end, free_port
from tests.fleet.device.things import POLICY, THING, thing

KEY = keys.Key(bytes([7]) * 32)
LACKS = shutil.which("mosquitto") is None or importlib.util.find_spec("paho") is None
pytestmark = [
    pytest.mark.extras,
    pytest.mark.skipif(LACKS, reason='no broker: apt-get install mosquitto, pip install "klopf[mqtt]"'),
]


class Broker:
    """mosquitto on a port of its own, which keeps what it has over a restart."""

    def __init__(self, folder):
        self.port = free_port()
        folder.mkdir()
        self._file = folder / "mosquitto.conf"
        self._file.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\n"
            f"persistence true\npersistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n"
        )
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            ["mosquitto", "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        pytest.fail("mosquitto did not start")

    def stop(self, by=signal.SIGTERM):
        self._process.send_signal(by)
        self._process.wait(20)


@pytest.fixture
def broker(tmp_path):
    made = Broker(tmp_path / "broker")
    yield made
    end(made._process)


@pytest.fixture
def place(tmp_path, broker):
    """A device that listens to a meter at the broker."""
    made = tmp_path / "device"
    made.mkdir()
    (made / "pairing").write_text("00" * 32)
    form = {**THING["events"]["reading"]["forms"][0], "href": f"mqtt://127.0.0.1:{broker.port}"}
    description = thing(events={"reading": {**THING["events"]["reading"], "forms": [form]}})
    (tmp_path / "meter.td.json").write_text(json.dumps(description))
    (tmp_path / "policy.toml").write_text(POLICY)
    device.join(made, tmp_path / "policy.toml", thing=tmp_path / "meter.td.json", name="meter", batch=40, seconds=0.5)
    return made


class Meter:
    """A thing that publishes with QoS 1, and knows what the broker has acknowledged."""

    def __init__(self, port):
        import paho.mqtt.client as paho

        self._numbers, self._loads = set(), {}
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="meter", clean_session=False)
        self._client.on_publish = lambda client, userdata, mid, reason, properties: self._numbers.add(mid)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_queued_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    @property
    def acknowledged(self):
        return {self._loads[mid] for mid in list(self._numbers) if mid in self._loads}

    def publish(self, load, **more):
        self._loads[self._client.publish("home/a/reading", json.dumps({"home": "a", "load": load, **more}), 1).mid] = (
            load
        )

    def raw(self, payload, retain=False):
        self._client.publish("home/a/reading", payload, 1, retain)

    def wait_for(self, count):
        until(lambda: len(self.acknowledged) >= count)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


def until(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def meter(broker):
    made = Meter(broker.port)
    yield made
    made.close()


@contextlib.contextmanager
def served(place):
    """The device at work in a thread; gives the lines that it says."""
    stop, lines = threading.Event(), []
    work = {"said": lines.append, "stop": stop}
    thread = threading.Thread(target=device.serve, args=(place, KEY), kwargs=work, daemon=True)
    thread.start()
    try:
        until(lambda: any("hears" in line for line in lines) or not thread.is_alive())
        yield lines
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def loads(place):
    """Every load in the store, and in what waits to be stored."""
    found = []
    if (place / "store/format").exists():
        opened = store.Store(place / "store")
        for i, record in enumerate(opened.records()):
            out = place / f"out-{i}"
            opened.get(record.root, out)
            rows = [line.split(",") for line in out.read_text().splitlines()]
            found += [float(row[rows[0].index("load")]) for row in rows[1:]]
            out.unlink()
    return sorted(found)


def test_what_a_thing_tells_is_stored_by_its_policy(place, meter):
    with served(place) as lines:
        for i in range(100):
            meter.publish(float(i), count=i, state="on")
        meter.raw(b"not a record")
        meter.raw(json.dumps({"home": "a", "load": 1, "owner": "Ann"}).encode())
        until(lambda: loads(place) == [float(i) for i in range(100)])
    assert sum("no JSON" in line for line in lines) == 1 and sum("'owner'" in line for line in lines) == 1
    line = device.stored(place)[0]
    assert keys.recover(device.digest_of(line["record"]), bytes.fromhex(line["signature"])) == KEY.address
    out = place / "first.csv"
    store.Store(place / "store").get(store.Cid.parse(line["root"]), out)
    header, first = out.read_text().splitlines()[:2]
    assert header == "time,home,load,count" and ",a," not in first  # the home is a pseudonym, the state is left out


def test_what_is_published_while_the_device_is_away_waits_at_the_broker(place, meter):
    with served(place):
        meter.publish(0.0)
        meter.wait_for(1)
    for i in range(1, 60):
        meter.publish(float(i))
    meter.wait_for(60)
    with served(place):
        until(lambda: loads(place) == [float(i) for i in range(60)])


def test_what_the_broker_retains_is_not_heard_again(place, meter):
    with served(place):
        meter.raw(json.dumps({"home": "a", "load": 7}).encode(), retain=True)
        until(lambda: loads(place) == [7.0])
    with served(place):
        meter.publish(8.0)
        until(lambda: len(loads(place)) > 1)
    assert loads(place) == [7.0, 8.0]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_records_that_have_a_number_are_stored_once_whoever_is_restarted(place, broker, meter, by):
    """The policy says by which fields records are one: what the meter or the broker sends again is left out, also in
    another batch and by another process of the device. A broker that is killed loses what it had not saved, and its
    acknowledgement with it: that is its own; what the device had stored, and what comes after, is there."""
    policy = (place / "meter.policy.toml").read_text()
    (place / "meter.policy.toml").write_text(policy.replace("duplicates = false", 'duplicates = ["home", "count"]'))
    sent, safe = 0, set()

    def publish(many):
        nonlocal sent
        for _ in range(many):
            meter.publish(sent / 4, count=sent)
            sent += 1

    for _ in range(3):
        with served(place):
            before = sent
            publish(40)
            safe.update(i / 4 for i in range(before, sent))
            until(lambda: set(loads(place)) >= safe, 60)
            publish(10)
            broker.stop(by)
            publish(10)
            broker.start()
            meter.wait_for(sent)
    with served(place):
        publish(10)
        safe.update(i / 4 for i in range(sent - 10, sent))
        everything = meter.acknowledged if by == signal.SIGTERM else set()
        until(lambda: set(loads(place)) >= safe | everything, 120)
    assert len(loads(place)) == len(set(loads(place))) <= sent == 190


@pytest.mark.timeout(400)
def test_a_broker_that_is_restarted_loses_nothing_acknowledged(place, broker, meter):
    sent = 0
    with served(place) as lines:
        for _ in range(4):
            for _ in range(50):
                meter.publish(sent / 4)
                sent += 1
            meter.wait_for(sent - 40)
            broker.stop()
            for _ in range(10):
                meter.publish(sent / 4)
                sent += 1
            broker.start()
        meter.wait_for(sent)
        until(lambda: set(loads(place)) >= meter.acknowledged, 120)
    assert len(meter.acknowledged) == sent == 240
    assert set(loads(place)) == {i / 4 for i in range(240)}
    assert sum("is gone" in line for line in lines) >= 4
    # the meter sends again what was on its way (20 messages) when the broker went: for MQTT these are new messages
    assert len(loads(place)) - 240 <= 8 * 20 + 5


KILLED = """
import sys, threading
from pathlib import Path
from klopf.fleet import device
from klopf.ledger import keys
device.serve(Path(sys.argv[1]), keys.Key(bytes([7]) * 32), said=lambda line: print(line, flush=True))
"""


@pytest.mark.timeout(400)
def test_a_device_that_is_killed_loses_nothing_acknowledged(place, broker, meter):
    sent = 0
    for turn in range(4):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(place)], stdout=subprocess.PIPE, text=True)
        try:
            assert any("hears" in line for line in iter(process.stdout.readline, ""))
            for _ in range(60):
                meter.publish(sent / 4)
                sent += 1
            meter.wait_for(sent - 50 + 10 * turn)
            process.send_signal(signal.SIGKILL)
            process.wait()
        finally:
            end(process)
            process.stdout.close()
    meter.wait_for(sent)
    with served(place):
        until(lambda: set(loads(place)) >= meter.acknowledged, 120)
    assert set(loads(place)) == {i / 4 for i in range(240)}


def test_without_a_broker_it_says_so_and_goes_on(place, broker, meter):
    broker.stop()
    stop, lines = threading.Event(), []
    thread = threading.Thread(
        target=device.serve, args=(place, KEY), kwargs={"said": lines.append, "stop": stop}, daemon=True
    )
    thread.start()
    time.sleep(1)
    assert thread.is_alive()
    broker.start()
    until(lambda: any("hears" in line for line in lines))
    meter.publish(3.0)
    until(lambda: loads(place) == [3.0])
    stop.set()
    thread.join(60)


def test_passwords_are_in_no_line_and_a_refusal_is_told(tmp_path, monkeypatch):
    """A broker that wants a password, and a device that has a wrong one."""
    home = tmp_path / "locked"
    made = Broker.__new__(Broker)
    home.mkdir()
    (home / "passwords").write_text("")
    made.port, made._file = free_port(), home / "mosquitto.conf"
    made._file.write_text(
        f"listener {made.port} 127.0.0.1\nallow_anonymous false\nuser root\npassword_file {home}/passwords\n"
    )
    made.start()
    try:
        monkeypatch.setenv("KLOPF_MQTT_USER", "ann")
        monkeypatch.setenv("KLOPF_MQTT_PASSWORD", "ocean-of-secrets")
        place = tmp_path / "device"
        place.mkdir()
        (place / "pairing").write_text("00" * 32)
        form = {**THING["events"]["reading"]["forms"][0], "href": f"mqtt://127.0.0.1:{made.port}"}
        td = thing(events={"reading": {**THING["events"]["reading"], "forms": [form]}})
        (tmp_path / "meter.td.json").write_text(json.dumps(td))
        (tmp_path / "policy.toml").write_text(POLICY)
        device.join(place, tmp_path / "policy.toml", thing=tmp_path / "meter.td.json", name="meter")
        stop, lines = threading.Event(), []
        args = {"said": lines.append, "stop": stop}
        thread = threading.Thread(target=device.serve, args=(place, KEY), kwargs=args, daemon=True)
        thread.start()
        until(lambda: any("refuses" in line for line in lines))
        stop.set()
        thread.join(30)
        assert "ocean-of-secrets" not in "".join(lines)
        assert all(b"ocean-of-secrets" not in f.read_bytes() for f in place.rglob("*") if f.is_file())
    finally:
        made.stop()


def test_without_the_extra_it_is_named(place, monkeypatch):
    from klopf import extras

    sys.modules.pop("klopf.fleet.device._mqtt", None)
    monkeypatch.setitem(extras.EXTRAS, "mqtt", ("no_such_module",))
    with pytest.raises((MissingExtra, FleetError), match=r"klopf\[mqtt\]"):
        device.serve(place, KEY, once=True)
