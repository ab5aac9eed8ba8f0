"""What root does with a device's folder that belongs to somebody who is not trusted: nothing that this one may turn."""

import json
import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from klopf.errors import FleetError
from klopf.fleet import device as devices
from klopf.fleet import trusted
from klopf.fleet.trusted import _part, _place, _signer, _start
from tests.fleet.trusted.test_part import OTHER, SECRET, as_user, root_only


@pytest.fixture
def made(home, request):
    """A device of OTHER's that root made."""
    folder = home / request.node.name[:60]
    folder.mkdir(mode=0o755)
    trusted.create(folder, SECRET, {"light": True}, (OTHER, OTHER))
    return folder


def refused(folder):
    with pytest.raises(FleetError) as error, trusted.started(folder, SECRET):
        pass
    return str(error.value)


@root_only
def test_root_goes_into_no_folder_that_its_user_put_there(made, home):
    """A link to root's, a link to the true one, a folder of the user's with all files in it, and none."""
    shared = home / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    evil = {"kind": "pkcs11", "library": str(home / "evil.so"), "token": "x", "address": "0x0", "per_minute": 600}

    def plant(turn):
        os.chdir(made)
        turn()
        os.umask(0)

    def own():
        Path("trusted").mkdir()
        Path("trusted/safe.json").write_text(json.dumps(evil))
        Path("trusted/made-by-root").write_text(json.dumps({"user": OTHER, "kind": "pkcs11"}))

    as_user(OTHER, lambda: plant(lambda: os.rename("trusted", "true")))
    assert "there is no" in refused(made)
    for target in (shared, made / "true"):
        as_user(OTHER, lambda target=target: plant(lambda: os.symlink(target, "trusted")))
        (shared / "safe.json").write_text(json.dumps(evil))
        assert "is a link" in refused(made)
        (made / "trusted").unlink()
    as_user(OTHER, lambda: plant(own))
    assert (made / "trusted/safe.json").stat().st_uid == OTHER
    assert "not as root made it" in refused(made)
    assert "signer" not in os.listdir(made)
    with pytest.raises(FleetError, match="not as root made it"):  # and its own user may, as that user
        _place.entered(made / "trusted")
    assert as_user(OTHER, lambda: _place.entered(made / "trusted").owner) == OTHER


@root_only
@pytest.mark.parametrize("what", ["root's own", "linked", "second name", "others write", "another user", "no JSON"])
def test_only_roots_own_record_says_whose_a_folder_is(home, what):
    folder = home / f"record {what}"
    folder.mkdir()
    _place.made(folder, "memory", OTHER, OTHER)
    record = folder / "trusted/made-by-root"
    assert _place.entered(folder / "trusted").owner == OTHER
    if what == "root's own":
        os.chown(folder / "trusted", 0, 0)
    elif what == "linked":
        record.rename(home / "record")
        record.symlink_to(home / "record")
    elif what == "second name":
        os.link(record, folder / "trusted/other")
    elif what == "others write":
        record.chmod(0o666)
    elif what == "another user":
        os.chown(folder / "trusted", OTHER + 1, OTHER)
    else:
        record.write_text("[")
    with pytest.raises(FleetError, match="not as root made it"):
        _place.entered(folder / "trusted")


@root_only
def test_a_user_who_turns_the_folder_while_root_makes_a_device_gets_nothing_of_roots(home, monkeypatch):
    """Before each step of root's the user tries to put a link to root's file in the place of what root makes."""
    folder, victim = home / "turned", home / "victim"
    folder.mkdir()
    os.chown(folder, OTHER, OTHER)
    victim.write_text("root's")
    tried = []

    def turn():
        os.chdir(folder)
        for name in ("pairing", "trusted"):
            if os.path.lexists(name):
                os.rename(name, name + ".was")
            os.symlink(victim, name)
            os.unlink(name)

    def before(module, name):
        whole = getattr(module, name)

        def one(*given, **more):
            tried.append(as_user(OTHER, turn))
            return whole(*given, **more)

        monkeypatch.setattr(module, name, one)

    before(_start.files, "create")
    before(_start, "_part")
    before(_start._place, "made")
    before(os, "chown")
    trusted.create(folder, SECRET, {"light": True})
    assert len(tried) == 4 and all("PermissionError" in one for one in tried)
    assert victim.stat().st_uid == 0
    assert folder.stat().st_uid == (folder / "pairing").stat().st_uid == OTHER
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert (folder / "trusted").stat().st_uid not in (0, OTHER)


@root_only
def test_root_makes_no_device_where_others_turn_the_path(home, monkeypatch):
    theirs = home / "theirs"
    theirs.mkdir()
    os.chown(theirs, OTHER, OTHER)
    for folder in (theirs / "meter", theirs / "new" / "meter"):
        with pytest.raises(FleetError, match="can be changed by others than root"):
            devices.create(folder, SECRET)
    assert not list(theirs.iterdir())
    (theirs / "meter").mkdir()
    with pytest.raises(FleetError, match="can be changed by others than root"):
        trusted.create(theirs / "meter", SECRET, {"light": True})
    (home / "link").symlink_to(theirs / "meter")
    with pytest.raises(FleetError, match="is a link"):
        trusted.create(home / "link", SECRET, {"light": True})
    assert not list((theirs / "meter").iterdir())


def test_nothing_runs_that_others_can_change(home):
    """A token's library, and the folders on the way to it."""
    folder = home / "lib"
    folder.mkdir()
    (folder / "some.so").write_text("")
    folder.chmod(0o755)
    with pytest.raises(FleetError, match="can be changed by others"):
        trusted.only_roots(folder / "some.so", sticky=False)  # in /tmp
    assert trusted.only_roots(folder / "some.so") == (folder / "some.so").resolve()
    (folder / "some.so").chmod(0o664)
    with pytest.raises(FleetError, match=r"some\.so can be changed"):
        trusted.only_roots(folder / "some.so")
    (home / "link.so").symlink_to("/bin/sh")
    assert trusted.only_roots(home / "link.so", sticky=False) == Path("/bin/sh").resolve()


def test_a_flood_of_strangers_takes_no_place(home, monkeypatch):
    """Strangers (users by the system's word) are sent away before one of the places is taken."""
    monkeypatch.chdir(home)
    monkeypatch.setattr(_part, "_CALLERS", 2)
    if os.path.exists("socket"):
        os.unlink("socket")
    served, users = [], iter([OTHER + 1] * 50 + [OTHER])
    monkeypatch.setattr(_part, "_user", lambda caller: next(users))
    monkeypatch.setattr(_part, "_attend", lambda caller, *_: (served.append(1), caller.close()))
    door = _part._door(home)
    threading.Thread(target=_part._answer, args=(door, (OTHER, OTHER), ()), daemon=True).start()
    for _ in range(51):
        with socket.socket(socket.AF_UNIX) as there:
            there.settimeout(30)
            there.connect("socket")
            there.recv(1)
    deadline = time.monotonic() + 30
    while not served and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(served) == 1


@pytest.mark.parametrize("why", [BlockingIOError(11, "full"), ConnectionResetError(), _signer._Closed("closed")])
def test_a_signer_that_finds_no_place_free_tries_again(tmp_path, monkeypatch, why):
    (tmp_path / "pairing").write_text("00" * 32)
    monkeypatch.setattr(_signer.time, "sleep", lambda seconds: None)
    tries = []

    def once(self):
        tries.append(1)
        if len(tries) < 5:
            raise why
        return socket.socket(socket.AF_UNIX), None, {"address": "0x1"}

    monkeypatch.setattr(trusted.Signer, "_once", once)
    trusted.Signer(tmp_path).close()
    assert len(tries) == 5
    monkeypatch.setattr(trusted.Signer, "_once", lambda self: (_ for _ in ()).throw(why))
    with pytest.raises(FleetError, match="klopf device signer"):
        trusted.Signer(tmp_path)
