"""A device's folder: made whole or not at all, and worked in by whoever owns it, one at a time."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from klopf import files
from klopf.errors import FleetError
from klopf.fleet import trusted

__all__ = ["alone", "create", "own"]


def create(folder: Path, secret: str, *, user: str = "", settings: Mapping[str, Any] | None = None) -> str:
    """Make a device in the new ``folder``; returns the address of its key.

    ``user``: the name of whoever will run it, where root makes it for somebody. ``settings``: as
    :func:`klopf.fleet.trusted.create` takes them.

    Raises:
        FleetError: the folder is there already, or something in it cannot be made; nothing is left of it.
    """
    owner = _account(user) if user else None
    if os.geteuid() == 0:
        trusted.only_roots(folder.absolute().parent)  # before anything is made where others may turn the path
    try:
        folder.mkdir(mode=0o755, parents=True)
    except FileExistsError:
        raise FleetError(f"{folder} exists: a device is made in a new folder; choose another name") from None
    except OSError as error:
        raise FleetError(f"cannot make {folder}: {error.strerror}; choose a folder that can be written") from None
    try:
        return trusted.create(folder, secret, settings, (owner.pw_uid, owner.pw_gid) if owner else None)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def own(device: Path) -> None:
    """Root works in no device's folder that is somebody else's, who could have put links there.

    Raises:
        FleetError: it is a link, or another user's and this process is root.
    """
    if os.geteuid() != 0 or not os.path.lexists(device):
        return
    found = device.lstat()
    if device.is_symlink():
        raise FleetError(f"{device} is a link: name the device's folder itself")
    if found.st_uid != 0:
        try:
            who = pwd.getpwuid(found.st_uid).pw_name
        except KeyError:
            who = f"#{found.st_uid}"
        raise FleetError(f"{device} is {who}'s, and root follows nothing there: run this as {who} (sudo -u {who} ...)")


@contextlib.contextmanager
def alone(device: Path) -> Iterator[None]:
    """While it lasts, nobody else serves or changes the device. Raises FleetError."""
    own(device)
    try:
        handle = files.lock(device / "serving")
    except BlockingIOError:
        raise FleetError(f"another process serves {device} already: end that one first") from None
    except OSError as error:
        raise FleetError(f"{device} is no device's folder, or cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        os.close(handle)


def _account(user: str) -> pwd.struct_passwd:
    if os.geteuid() != 0:
        raise FleetError("only root makes a device for somebody else: leave --user out, or run this as root")
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise FleetError(f"there is no user {user!r} on this machine: name one who has an account") from None
