"""What a model's method does beside its work: to the generators that all share, and with pickles."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import random
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import BuiltinMethodType, FrameType
from typing import Any

import numpy as np

__all__ = ["alone", "no_pickles", "pickled"]

_READERS = {pickle.loads, pickle.load, pickle._loads, pickle._load}  # type: ignore[attr-defined]
_READER_CODE = pickle._Unpickler.load.__code__
_CACHES = ("numba", "llvmlite")
"""Packages that keep their own compiled code in pickles, which are no part of a saved model."""


@contextmanager
def alone(name: str, method: str) -> Iterator[None]:
    """Nothing inside seeds, or draws from, a generator that the whole process shares.

    Raises:
        AssertionError: it does; one line says which.
    """
    before = np.random.get_state(), random.getstate()
    np.random.seed(int.from_bytes(os.urandom(4), "little"))  # where no seed of a model leads
    random.seed()
    theirs, own = np.random.get_state(), random.getstate()
    try:
        yield
        now = np.random.get_state()
        same = all(np.array_equal(was, is_) for was, is_ in zip(theirs, now, strict=True))
        for kept, what in ((same, "NumPy's global generator"), (random.getstate() == own, "Python's module random")):
            assert kept, (
                f"{name}.{method}() seeds or draws from {what}, which everybody shares: make a generator of its own, "
                "such as numpy.random.default_rng(seed)"
            )
    finally:
        np.random.set_state(before[0])
        random.setstate(before[1])


@contextmanager
def no_pickles(name: str) -> Iterator[None]:
    """Nothing inside unpickles, by whatever name it has the function.

    Raises:
        AssertionError: it does.
    """
    found: list[str] = []

    def look(frame: FrameType, event: str, called: Any) -> None:
        if str(frame.f_globals.get("__name__", "")).split(".")[0] in _CACHES:
            return
        if event == "c_call":
            own = getattr(called, "__self__", None) if isinstance(called, BuiltinMethodType) else None
            if called in _READERS or (isinstance(own, pickle.Unpickler) and called.__name__ == "load"):
                found.append(str(frame.f_globals.get("__name__", "")))
        elif event == "call" and frame.f_code is _READER_CODE:
            found.append("pickle")

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert not found, (
        f"{name}.load() unpickles, which runs whatever a stranger's file says: keep numbers and text, such as by "
        "numpy.savez, numpy.load(allow_pickle=False) and json"
    )


def pickled(folder: Path) -> str:
    """The file of ``folder`` that holds a pickle, "" if none does; archives are looked into."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and _holds_pickle(file.read_bytes()):
            return file.relative_to(folder).as_posix()
    return ""


def _holds_pickle(content: bytes) -> bool:
    if content.startswith(b"\x93NUMPY"):
        return _has_objects(content)
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(_holds_pickle(archive.read(member)) for member in archive.namelist())
    if not (content[:1] == b"\x80" or (len(content) > 3 and content.rstrip().endswith(b"."))):
        return False
    try:
        for _ in pickletools.genops(content):
            pass
    except Exception:  # what is none can be wrong in any way
        return False
    return True


def _has_objects(content: bytes) -> bool:
    """Whether an array's file has objects, which NumPy pickles."""
    head = content[:4096].split(b"\n")[0]
    return b"|O" in head or b"'O'" in head
