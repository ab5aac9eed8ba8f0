"""Put a copy of a chain in the place of one that is damaged, lost or unwanted: nobody may have that one open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from klopf import files
from klopf.chain._base import BaseChain
from klopf.chain.state._locks import SHARED_FIRST, SHARED_SIZE, is_held, no_locks
from klopf.errors import ChainError

__all__ = ["restore"]


def restore(copy: str | os.PathLike[str], path: str | os.PathLike[str]) -> int:
    """Make ``path`` the chain that ``copy`` holds; returns the number of its newest block.

    What lies beside ``path`` of the chain that was there, its log above all, is removed: it does not belong to the
    copy, and SQLite would play it into it. Raises :class:`~klopf.errors.ChainError`, with ``path`` as it was, where the
    copy is not whole or somebody has ``path`` open.
    """
    place = Path(path)
    if place.exists() and place.samefile(copy):
        raise ChainError(f"{copy} and {place} are one file; name the copy and then the chain")
    draft = place.with_name(f".{place.name}.{os.getpid()}.restored")
    with BaseChain(copy, read_only=True) as source:
        height = source.height
        try:
            source._store.copy(draft)
            with _alone(place):
                _take_after(draft, place)
                for leftover in (Path(f"{place}-wal"), Path(f"{place}-shm")):
                    leftover.unlink(missing_ok=True)
                files.sync(place.parent)
                os.replace(draft, place)
                files.sync(place.parent)
        except OSError as error:
            raise ChainError(f"cannot write {place}: {error.strerror}; correct its permissions") from error
        finally:
            draft.unlink(missing_ok=True)
    return height


def _take_after(draft: Path, place: Path) -> None:
    """Give the new file the old one's mode, and its owner where that can be."""
    if place.exists():
        found = place.stat()
        draft.chmod(found.st_mode & 0o7777)
        with contextlib.suppress(OSError):
            os.chown(draft, found.st_uid, found.st_gid)


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the file as SQLite's last user would, so that nobody else has it open and nobody opens it."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    in_use = ChainError(f"{place} is open; close the chain, or end the processes that have it open, and try again")
    if is_held(place):
        raise in_use
    if not place.exists():
        yield
        return
    descriptor = os.open(place, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
        except BlockingIOError:
            raise in_use from None
        except OSError as error:
            raise no_locks(place, error) from error
        yield
    finally:
        os.close(descriptor)
