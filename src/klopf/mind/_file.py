"""A saved learner: one file, written whole or not at all, read without executing anything in it.

Layout: 8 bytes ``KLOPFMND``; version and header length, little-endian uint32 each; a JSON header with the settings and
each array's name, type and shape; the arrays' bytes in that order, little-endian; SHA-256 of all before it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import MindError
from klopf.mind.kernels.parts import is_known
from klopf.mind.kernels.state import (
    RECENT,
    S_BLOCKS,
    S_COUNT,
    S_LEVEL,
    S_MEAN,
    S_SPREAD,
    S_VARIANCE,
    SENSED,
)

__all__ = ["VERSION", "migrate", "of_before", "pack", "read", "refuse_strangers", "seen_before", "write"]

VERSION = 1
_MAGIC = b"KLOPFMND"
_TYPES = ("<f4", "<f8", "<i4", "<i8", "<u8")


def pack(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """The file's bytes without the checksum: equal for equal learners."""
    listed, bodies = [], []
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        listed.append([name, little.dtype.str, list(little.shape)])
        bodies.append(little.tobytes())
    text = json.dumps({"header": header, "arrays": listed}, sort_keys=True, separators=(",", ":")).encode()
    return b"".join((_MAGIC, struct.pack("<II", VERSION, len(text)), text, *bodies))


def write(path: str | os.PathLike[str], body: bytes) -> None:
    """Put ``body`` and its checksum at ``path``, atomically: a crash leaves the old file or the new one.

    Raises:
        MindError: nothing can be written there.
    """
    try:
        files.replace(path, (body, hashlib.sha256(body).digest()))
    except OSError as error:
        raise MindError(f"cannot save to {path}: {error.strerror}; choose a folder that can be written") from error


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of a saved learner.

    Raises:
        MindError: no such file, not a learner, another version, cut short, or altered.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise MindError(f"cannot read the saved learner {path}: {error.strerror}") from error
    if data[:8] != _MAGIC:
        raise MindError(f"{path} is not a saved learner; give a file that Mind.save wrote")
    if len(data) < 48:
        raise MindError(f"the saved learner {path} is cut short; restore it from a copy or start anew")
    version, length = struct.unpack_from("<II", data, 8)
    if version != VERSION:
        raise MindError(f"the saved learner {path} has version {version}, not {VERSION}; load it with its own Klopf")
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise MindError(f"the saved learner {path} is cut short or damaged; restore it from a copy or start anew")
    try:
        content = json.loads(data[16 : 16 + length])
        arrays, at = {}, 16 + length
        for name, kind, shape in content["arrays"]:
            if kind not in _TYPES:
                raise ValueError(kind)
            count = math.prod(shape)
            array = np.frombuffer(data[:-32], dtype=kind, count=count, offset=at).reshape(shape)
            arrays[name] = array.astype(array.dtype.newbyteorder("="))  # a copy that may be written
            at += count * array.dtype.itemsize
        return content["header"], arrays
    except (ValueError, KeyError, TypeError) as error:
        raise MindError(f"the saved learner {path} does not follow its own format; restore it from a copy") from error


def migrate(arrays: dict[str, NDArray[Any]], own: dict[str, NDArray[Any]]) -> None:
    """Files of a time when sensors had a mean and a variance only: ``arrays`` as they are laid out now.

    The mean and variance stand as they were, of as many values as were seen; what is usual of blocks is found anew.
    And of a time when classes shared all that was known: each one's own doubt begins where it does at birth; or when
    nobody counted them: that begins now. And of a time when a memory had one span.
    """
    known, whole = arrays["covariances"], own["covariances"]
    if len(known) < len(whole):
        arrays["covariances"] = np.append(known, whole[len(known) :])
    counters = arrays["globals"]
    arrays["globals"] = np.append(counters, np.zeros(max(len(own["globals"]) - len(counters), 0)))
    for name in ("targets", "company spans"):
        if name in own:
            arrays.setdefault(name, own[name])
    for name in {"sensors", "targets"} & arrays.keys() & own.keys():
        short = len(own[name]) - len(arrays[name])
        if 0 < short < RECENT:  # nothing was kept of what was usual before
            arrays[name] = np.append(arrays[name], own[name][-short:], 0)
    old, now = arrays["sensors"], own["sensors"]
    if old.shape == (2, now.shape[1]) != now.shape:
        arrays["sensors"] = seen_before(now, old[0], old[1], arrays["globals"][SENSED])
    arrays["sensors"] = arrays["sensors"].astype(now.dtype)  # what is usual of them was kept in 32 bits


def seen_before(birth: NDArray[Any], mean: Any, variance: Any, count: Any) -> NDArray[Any]:
    """A table of what is usual (see ``kernels.scaling``), at ``birth`` till now, of which only that much is known."""
    seen = birth.copy()
    seen[S_MEAN], seen[S_VARIANCE], seen[S_COUNT] = mean, variance, count
    seen[S_BLOCKS] = seen[S_COUNT] > RECENT
    seen[S_LEVEL], seen[S_SPREAD] = 1.0 / RECENT, 0.8
    return seen


def of_before(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a saved learner, which may be older than some: it lives on as it did then."""
    return {"scale_targets": False, **settings}


def refuse_strangers(path: str | os.PathLike[str], header: dict[str, Any]) -> None:
    """A file may name a rule or life, but not have code imported that its reader never asked for.

    Raises:
        MindError: what it lives by is not here.
    """
    settings, packages = header.get("settings", {}), header.get("packages", {})
    for name in (str(settings[kind]) for kind in ("rule", "life") if kind in settings):
        if not is_known(name):
            what = "use it once before" if ":" in name else f"install {packages.get(name, 'the package that has it')}"
            raise MindError(f"the saved learner {path} lives by {name!r}, which is not here; {what}")
