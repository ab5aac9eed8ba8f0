"""The database's file seen from outside: whether it is whole, and SQLite's errors as lines for people."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from klopf.chain.state._locks import Hold
from klopf.errors import ChainError, DamagedFile, DiskFull, ReadOnlyChain

__all__ = ["BUSY_SECONDS", "Errors", "look", "not_writable", "translate"]

BUSY_SECONDS = 60.0


class Errors:
    """The context in which SQLite's errors become lines for people; entered for every statement, so a plain class."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise translate(error, self.path) from error


def look(path: Path) -> Hold:
    """Look at a file and refuse it if it is missing, is no database, or is cut off.

    Raises :class:`~klopf.errors.ChainError`.
    """
    try:
        hold = Hold(path)
    except FileNotFoundError:
        text = f"there is no chain at {path}; make one by `klopf network new` or chain.create, or correct the path"
        raise ChainError(text) from None
    except OSError as error:
        raise ChainError(f"cannot read {path}: {error.strerror}; correct the path or its permissions") from error
    try:
        _check_whole(path, hold)
    except BaseException:
        hold.release()
        raise
    return hold


def _check_whole(path: Path, hold: Hold) -> None:
    try:
        head, size = hold.read(100), hold.size()
    except OSError as error:
        raise ChainError(f"cannot read {path}: {error.strerror}; correct the path or its permissions") from error
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise DamagedFile(f"{path} is not a chain, or its beginning is lost; restore it from a copy")
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    for patience in (0.05, 0.2, None):
        pages, logged = _logged(Path(f"{path}-wal"), page)
        whole = hold.size() // page
        said = pages or int.from_bytes(hold.read(32)[28:], "big")  # how many pages there should be
        if all(number in logged for number in range(whole + 1, said + 1)):
            return
        if patience is None:
            if Path(f"{path}-wal").exists():
                raise DamagedFile(
                    f"{path} is cut off ({size} bytes), or {path.name}-wal beside it belongs to another file; "
                    f"put a copy there with: klopf chain restore COPY {path}"
                )
            raise DamagedFile(f"{path} is cut off ({size} bytes); restore it from a copy")
        time.sleep(patience)  # another process may just be folding its log into the file


def _logged(log: Path, page: int) -> tuple[int, set[int]]:
    """How many pages the newest commit in the log says there are (0: none in it), and which of them the log holds.

    After SQLite's file format, section 4: a header of 32 bytes, then frames of 24 bytes and a page each.
    """
    pages, held, waiting = 0, set[int](), set[int]()
    with contextlib.suppress(OSError), log.open("rb") as file:  # mostly there is none
        salt = file.read(32)[16:24]
        while len(frame := file.read(24)) == 24 and frame[8:16] == salt:
            waiting.add(int.from_bytes(frame[:4], "big"))
            size = int.from_bytes(frame[4:8], "big")
            if size:
                pages = size
                held |= waiting
                waiting.clear()
            file.seek(page, os.SEEK_CUR)
    return pages, held


def not_writable(path: Path) -> ReadOnlyChain:
    """Which of the chain's files, or whether their folder, cannot be written."""
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), path.parent):
        if name.exists() and not os.access(name, os.W_OK):
            return ReadOnlyChain(f"{name} cannot be written; give it write permission, or open it with read_only=True")
    return ReadOnlyChain(f"{path} cannot be written; give it write permission, or open it with read_only=True")


def translate(error: sqlite3.Error, path: Path) -> ChainError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "Could not decode" in str(error):
        return DamagedFile(f"{path} is damaged ({error}); restore it from a copy")
    if name.startswith("SQLITE_FULL"):
        return DiskFull(f"the disk that holds {path} is full; free some space and send again: nothing was lost")
    if name.startswith("SQLITE_READONLY"):
        return not_writable(path)
    if name.startswith("SQLITE_IOERR"):
        return DiskFull(f"writing or reading {path} failed ({name}); check the disk and send again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ChainError(f"{path} was held by another process for {BUSY_SECONDS:.0f} s; end that process or wait")
    if name.startswith("SQLITE_CANTOPEN"):
        return ChainError(f"cannot open {path}; correct the path or its permissions")
    return ChainError(f"{path}: {error}")
