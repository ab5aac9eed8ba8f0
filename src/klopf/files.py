"""Files that are whole or not there: every write of Klopf that somebody may need after a crash goes through here.

A file is written beside its place, brought to the disk, and only then given its name; a folder likewise. So a reader
finds the old or the new, never a mixture, and what a call has returned from survives a crash of the machine.

What goes wrong is the operating system's own ``OSError``: the room that writes knows what it was for, and says so.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["append_line", "arrays", "create", "json_lines", "lock", "replace", "replaced_folder", "sync"]

_PRIVATE = 0o600
_PUBLIC = 0o666  # less the process's umask, as for any file that a person makes


def replace(path: str | os.PathLike[str], content: bytes | str | Iterable[bytes], *, private: bool = False) -> None:
    """Put ``content`` (text as UTF-8, or pieces one after another) at ``path``, in place of what was there.

    A file that is replaced keeps its mode; a new one is its owner's alone (0600) if ``private``, else as the umask has
    it.

    Raises:
        OSError: no such folder, no permission, no room; what was at ``path`` is untouched and nothing is left over.
    """
    place = Path(path)
    mode = _PRIVATE if private else _PUBLIC
    draft = _beside(place)
    try:
        _write(draft, content, mode)
        if not private and place.exists():
            draft.chmod(place.stat().st_mode & 0o7777)
        os.replace(draft, place)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync(place.parent)


def create(path: str | os.PathLike[str], content: bytes | str, *, private: bool = False) -> None:
    """Put ``content`` at ``path``, where nothing may be yet.

    Raises:
        FileExistsError: something is there; it is untouched.
        OSError: as :func:`replace`.
    """
    place = Path(path)
    draft = _beside(place)
    try:
        _write(draft, content, _PRIVATE if private else _PUBLIC)
        os.link(draft, place)  # unlike a rename it fails where something is
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    sync(place.parent)


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Add ``line`` and a line break to the end of ``path``, on the disk when this returns. A last line that a crash cut
    short is taken off first. Readers pass over one without a line break, see :func:`json_lines`."""
    with open(path, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two writers take off no line of each other's
        _take_torn_off(file)
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _take_torn_off(file: Any) -> None:
    end = at = file.seek(0, os.SEEK_END)
    while at > 0:
        start = max(0, at - 4096)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            at = start + found + 1
            break
        at = start
    if at < end:
        file.truncate(at)


def json_lines(path: str | os.PathLike[str], said: Callable[[str], None] = lambda line: None) -> list[dict[str, Any]]:
    """The JSON objects in ``path``, one a line; none where there is no such file. Lines that are no object (a crash
    or a bad disk left them) are passed over, and ``said`` is told of each. A last one without a line break is nothing.

    Raises:
        OSError: it cannot be read.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, 1):
        try:
            one = json.loads(line)
        except (ValueError, RecursionError):
            one = None
        if isinstance(one, dict):
            found.append(one)
        elif line:
            said(f"{path}: line {number} is damaged and passed over")
    return found


@contextlib.contextmanager
def replaced_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder to fill while the ``with`` block runs; it takes the name ``path`` when the block ends well.

    Raises:
        OSError: as :func:`replace`. Where the block raises, what was at ``path`` is untouched and nothing is left over.
    """
    place = Path(path)
    draft = _beside(place)
    draft.mkdir(parents=True)
    try:
        yield draft
        for inside in (*draft.rglob("*"), draft):
            sync(inside)
        if place.exists():
            before = _beside(place)
            place.rename(before)
            draft.rename(place)
            shutil.rmtree(before)
        else:
            draft.rename(place)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync(place.parent)


def arrays(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The arrays in an ``.npz`` file, by name; nothing in it can run.

    Raises:
        OSError: it is not there, or cannot be read.
        ValueError: it is empty, was cut short, or holds something else.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except OSError:
        raise
    except Exception as error:  # what a damaged archive makes zipfile, zlib and numpy raise is no short list
        stranger = "pickled" in str(error) or isinstance(error, AttributeError | TypeError)  # text, or an .npy file
        raise ValueError("it is no .npz file" if stranger else f"{type(error).__name__}: {error}") from None


def lock(path: str | os.PathLike[str]) -> int:
    """Hold the file ``path`` until what is returned is closed (``os.close``) or this process ends, however it ends.

    Raises:
        BlockingIOError: another process holds it.
        OSError: no such folder, no permission.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(handle)
        raise
    return handle


def sync(path: str | os.PathLike[str]) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(place: Path) -> Path:
    """A name in the same folder that nobody else uses, so that two writers do not share a draft."""
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}.unfinished")


def _write(draft: Path, content: bytes | str | Iterable[bytes], mode: int) -> None:
    pieces = (content.encode(),) if isinstance(content, str) else (content,) if isinstance(content, bytes) else content
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
