"""The trusted part as a process: what others on the machine can do with it, and what it outlives."""

import hashlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from klopf.errors import FleetError
from klopf.fleet import trusted
from klopf.fleet.trusted._safes.safe import read_settings
from klopf.ledger import keys

SECRET = "seven locks and a passphrase"
OTHER = 54_321  # a user that is neither root nor the trusted part's
ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not ROOT, reason="only root can start the trusted part as another user")


def digest_of(*what):
    return hashlib.sha256(repr(what).encode()).digest()


@pytest.fixture(scope="module")
def device(home):
    """A device's folder with a key; its owner is, where root may say so, a user without rights."""
    folder = home / "device"
    folder.mkdir(mode=0o755)
    if ROOT:
        os.chown(folder, OTHER, OTHER)
    trusted.create(folder, SECRET, {"light": True})
    return folder


@pytest.fixture(scope="module")
def part(device):
    with trusted.started(device, SECRET) as said:
        yield said


def pid_of(device):
    """The process that serves a device's key."""
    where = str(device / "trusted").encode()
    return next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit()
        and where in _read(entry / "cmdline")
        and b"klopf.fleet.trusted" in _read(entry / "cmdline")
    )


def _read(file):
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _as_user(user, group, function, pipe):
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    try:
        pipe.send(function())
    except BaseException as error:
        pipe.send(repr(error))


def as_user(user, function, group=None):
    """What ``function`` gives in a process of that user."""
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    process = multiprocessing.get_context("fork").Process(target=_as_user, args=(user, group or user, function, theirs))
    process.start()
    found = ours.recv() if ours.poll(30) else None
    process.join(10)
    return found


def test_it_signs_as_the_key_that_was_made(device, part):
    with trusted.Signer(device, "test") as key:
        assert key.address == part["address"]
        for i in range(3):
            assert keys.recover(digest_of(i), key.sign(digest_of(i))) == key.address


@root_only
def test_it_runs_apart_sealed_and_locked(device, part):
    condition = part["condition"]
    assert condition["apart"] and condition["sealed"] and condition["kind"] == "memory"
    status = _read(Path(f"/proc/{pid_of(device)}/status")).decode()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {str(condition["user"])} and condition["user"] not in (0, OTHER)
    assert int(fields["CapEff"], 16) in (0, 1 << 14) and fields["NoNewPrivs"] == "1" and fields["Groups"].strip() == ""
    assert condition["locked"] == (int(fields["VmLck"].split()[0]) > 0)


@root_only
def test_another_user_reads_nothing_of_it(device, part):
    pid, folder = pid_of(device), device / "trusted"
    for file in (folder / "key.json", folder / "pairing", Path(f"/proc/{pid}/mem"), Path(f"/proc/{pid}/environ")):
        assert "PermissionError" in str(as_user(OTHER, lambda file=file: file.open("rb").read(1)))
        if file.is_relative_to("/proc"):  # not even a process of its own user: no dumps, no tracing
            assert "PermissionError" in str(
                as_user(part["condition"]["user"], lambda file=file: file.open("rb").read(1))
            )


@root_only
def test_another_user_is_not_let_in(device, part):
    def knock():
        there = socket.socket(socket.AF_UNIX)
        there.settimeout(5)
        os.chdir(device / "trusted")
        there.connect("socket")
        try:
            return there.recv(1)
        except ConnectionError:
            return b""

    assert as_user(OTHER, knock) != b""  # the device's owner is greeted
    assert "PermissionError" in as_user(OTHER + 1, knock)
    assert as_user(OTHER + 1, knock, group=OTHER) == b""  # of the owner's group, it comes to the door and no further
    assert "the device's own user" in str(as_user(OTHER + 1, lambda: trusted.Signer(device)))


@root_only
def test_the_devices_own_user_is_told_who_starts_the_trusted_part(device, part):
    said = str(as_user(OTHER, lambda: read_settings(device / "trusted")))
    assert "have root start `klopf device signer" in said and "\\n" not in said


def test_its_secrets_are_nowhere_to_be_read(device, part):
    with trusted.Signer(device, "test") as key:
        key.sign(digest_of("log"))
    private = json.loads((device / "trusted" / "safe.json").read_text())
    seen = _read(Path(f"/proc/{pid_of(device)}/cmdline")) + _read(Path(f"/proc/{pid_of(device)}/environ"))
    seen += (device / "trusted" / "signed.log").read_bytes() + json.dumps(private).encode()
    pairing = (device / "pairing").read_text()
    assert SECRET.encode() not in seen and pairing.encode() not in seen
    assert pairing not in repr(key) and (device / "pairing").stat().st_mode & 0o077 == 0


def test_every_signature_is_written_down_where_the_untrusted_part_cannot(device, part):
    with trusted.Signer(device, "why") as key:
        key.sign(digest_of("written"))
    last = json.loads((device / "trusted" / "signed.log").read_text().splitlines()[-1])
    assert last["digest"] == digest_of("written").hex() and last["purpose"] == "why" and last["time"] <= time.time()
    if ROOT:
        assert (device / "trusted" / "signed.log").stat().st_uid == part["condition"]["user"]


def test_another_device_is_not_answered(device, part, home):
    stranger = home / "stranger"
    stranger.mkdir()
    (stranger / "trusted").symlink_to(device / "trusted")
    (stranger / "pairing").write_text("00" * 32)
    with pytest.raises(FleetError, match="not the trusted part that this device was paired with"):
        trusted.Signer(stranger)


def test_only_one_serves(device, part):
    with pytest.raises(FleetError, match="another trusted part serves"), trusted.started(device, SECRET):
        pass


def test_a_key_is_not_made_twice(device):
    before = (device / "trusted" / "key.json").read_bytes()
    with pytest.raises(FleetError, match="never overwritten"):
        trusted.create(device, SECRET)
    assert (device / "trusted" / "key.json").read_bytes() == before


@pytest.mark.long
def test_a_signer_outlives_its_trusted_part(home):
    folder = home / "killed"
    folder.mkdir()
    trusted.create(folder, SECRET, {"light": True})
    with trusted.started(folder, SECRET):
        key = trusted.Signer(folder)
        key.sign(digest_of(0))
        os.kill(pid_of(folder), signal.SIGKILL)
        with pytest.raises(FleetError, match="klopf device signer"):
            key.sign(digest_of(1))
    with trusted.started(folder, SECRET):
        assert keys.recover(digest_of(2), key.sign(digest_of(2))) == key.address
    with pytest.raises(FleetError, match="wrong passphrase"), trusted.started(folder, "guess"):
        pass
    (folder / "trusted" / "safe.json").write_text("{}")
    with pytest.raises(FleetError, match="per_minute"), trusted.started(folder, SECRET):
        pass


@pytest.mark.long
def test_it_ends_with_whoever_started_it(home):
    folder = home / "orphan"
    folder.mkdir()
    trusted.create(folder, SECRET, {"light": True})
    code = (
        "import os, signal, pathlib; from klopf.fleet import trusted\n"
        f"with trusted.started(pathlib.Path({str(folder)!r}), {SECRET!r}): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with trusted.started(folder, SECRET):  # it has let go of its folder
                return
        except FleetError:
            time.sleep(0.2)
    pytest.fail("the trusted part lives on")


@root_only
def test_a_folder_that_its_user_cannot_reach_is_named(tmp_path):
    tmp_path.chmod(0o700)
    folder = tmp_path / "device"
    folder.mkdir()
    with pytest.raises(FleetError, match="others may enter"):
        trusted.create(folder, SECRET, {"light": True})
    assert not (folder / "trusted").exists()


def test_no_folder_no_device(tmp_path, home):
    (home / "empty").mkdir()
    with pytest.raises(FleetError, match="klopf device new"):
        trusted.Signer(tmp_path)
    with pytest.raises(FleetError, match="no place for a key"):
        trusted.create(tmp_path, SECRET, {"kind": "drawer"})
    with pytest.raises(FleetError, match="locks nothing"):
        trusted.create(home / "empty", "")
    assert not list((home / "empty").iterdir())
