"""Where root may act: the trusted part's folder lies in one that somebody may change who is not trusted.

Root follows no link there, takes no folder that it did not make, and gives nothing away by a path that others can turn.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from klopf.errors import FleetError, LedgerError
from klopf.ledger import keys

__all__ = ["Place", "entered", "key_of", "made", "nobody_elses", "only_roots"]

_RECORD = "made-by-root"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Place:
    """A trusted part's folder that was looked at. handle: it, open. owner, untrusted: the users whose it is, and whose
    the device's folder is. kind: of its safe, by root's word; empty where root did not make it."""

    handle: int
    owner: int
    untrusted: int
    kind: str


def entered(folder: Path) -> Place:
    """Open a trusted part's folder, once. Root opens only what root made, and gave to the user whose it still is.

    Raises:
        FleetError: it is a link, or not there, or somebody else put it there.
    """
    handle = _opened(folder)
    owner, untrusted = os.fstat(handle).st_uid, os.stat("..", dir_fd=handle).st_uid
    if os.geteuid() != 0:
        return Place(handle, owner, untrusted, "")
    user, kind = _record(handle)
    if owner == 0 or user != owner:
        raise FleetError(
            f"{folder} is not as root made it, so root does nothing in it: whoever owns {folder.parent} may have put it"
            " there; put the one from `klopf device new` back, or start this as the folder's own user"
        )
    return Place(handle, owner, untrusted, kind)


def key_of(device: Path, secret: str) -> keys.Key:
    """The key that lies in ``device/trusted``, for its backup, by root or whoever made it; no link is followed.

    Raises:
        FleetError: as :func:`entered`, or it is in a token or a chip.
        LedgerError: ``secret`` does not open it, or it is damaged.
    """
    place = entered(device / "trusted")
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open("key.json", flags, dir_fd=place.handle)
        with os.fdopen(handle, "rb") as file:
            path = f"/proc/self/fd/{file.fileno()}"
            return keys.load(path, secret)
    except LedgerError as error:
        raise LedgerError(str(error).replace(path, f"{device}/trusted/key.json")) from None
    except OSError as error:
        raise FleetError(
            f"{device}/trusted has no key.json to back up ({error.strerror}): one in a token or a TPM has no backup"
        ) from None
    finally:
        os.close(place.handle)


def made(device: Path, kind: str, user: int, group: int) -> None:
    """Make ``device/trusted``, where nothing may be yet. Root gives it to ``user`` (who has no account) and leaves a
    record in it that no other user can make; ``group`` may come in, to the socket.

    Raises:
        FileExistsError: there is one.
    """
    folder = device / "trusted"
    folder.mkdir(mode=0o700)
    handle = _opened(folder)
    try:
        if os.geteuid() == 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(_RECORD, flags, 0o644, dir_fd=handle), "w") as file:
                file.write(json.dumps({"user": user, "kind": kind}))
                file.flush()
                os.fsync(file.fileno())
            os.fchown(handle, user, group)
        os.fchmod(handle, 0o2710)  # what is bound in it is of the same group, which may enter and see no names
    finally:
        os.close(handle)


@contextlib.contextmanager
def nobody_elses(device: Path, then: tuple[int, int] | None = None) -> Iterator[tuple[Path, tuple[int, int]]]:
    """The folder ``device`` while something is made in it, and user and group whose it is afterwards (``then``, or as
    before). Where this process is root it is root's until the block ends, so that nobody turns what is made there into
    something else, and the path that is given holds whatever happens to the folder's name.

    Raises:
        FleetError: it is a link or no folder, or stands where others can change what its path leads to.
    """
    if os.geteuid() != 0:
        found = device.stat()
        yield device, (found.st_uid, found.st_gid)
        return
    only_roots(device.absolute().parent)
    handle = _opened(device)
    before = os.fstat(handle)
    after = before.st_uid, before.st_gid
    try:
        os.fchown(handle, 0, -1)
        os.fchmod(handle, stat.S_IMODE(before.st_mode) & ~_WRITABLE)
        yield Path(f"/proc/self/fd/{handle}"), then or after
        after = then or after
    finally:
        os.fchown(handle, *after)
        os.fchmod(handle, stat.S_IMODE(before.st_mode))
        os.close(handle)


def only_roots(path: Path, *, sticky: bool = True) -> Path:
    """``path`` without links, of which root alone, or whoever runs this, can change where it leads. What does not exist
    of it is left out. ``sticky``: folders such as /tmp will do, in which all may make something of their own.

    Raises:
        FleetError: others can; it names the place.
    """
    real = path.resolve()
    while not real.exists():
        real = real.parent
    for part in (real, *real.parents):
        found = part.stat()
        shared = found.st_mode & _WRITABLE and not (sticky and part.is_dir() and found.st_mode & stat.S_ISVTX)
        if found.st_uid not in (0, os.geteuid()) or shared:
            raise FleetError(
                f"{part} can be changed by others than root: choose {path.name} in a place where only root can, such as"
                " one in /var/lib or /usr/lib"
            )
    return real


def _opened(folder: Path) -> int:
    try:
        return os.open(folder, _FOLDER)
    except FileNotFoundError:
        raise FleetError(f"there is no {folder}: `klopf device new` makes a device") from None
    except PermissionError:
        raise FleetError(
            f"{folder} belongs to a user of its own: have root start `klopf device signer {folder.parent}`"
        ) from None
    except OSError as error:
        if folder.is_symlink() or not folder.is_dir():
            raise FleetError(f"{folder} is a link or no folder: put the one from `klopf device new` back") from None
        raise FleetError(f"cannot open {folder}: {error.strerror}; choose another folder") from None


def _record(handle: int) -> tuple[int, str]:
    """Whom root gave a folder to, and its kind of safe; nobody (-1) where no record is there that only root can have
    made: of one name, so that no link to another one does."""
    try:
        with os.fdopen(os.open(_RECORD, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid or found.st_nlink != 1 or found.st_mode & _WRITABLE:
                return -1, ""
            said = json.loads(file.read(1024))
            return int(said["user"]), str(said["kind"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return -1, ""
