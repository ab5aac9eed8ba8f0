"""An archive that skops wrote, looked at before it is unpacked: a small file can hold far more than memory does, and a
pipeline can name any function as one of its steps.

So of what skops does not trust by itself only classes of scikit-learn are loaded, and no function of any package:
NumPy alone has several that execute a text as Python.
"""

from __future__ import annotations

import importlib
import zipfile
from pathlib import Path

from klopf.errors import PeersError

__all__ = ["types_in"]

LARGEST, LARGEST_PLAN = 4 << 30, 64 << 20
"""Bytes, unpacked: of all together, and of the part that says what the others are, which becomes ten times as much."""


_NEVER = {"_testing", "conftest", "datasets", "experimental", "externals", "testing", "tests"}
"""Parts of scikit-learn that no fitted estimator is made of."""


def types_in(file: Path) -> list[str]:
    """The types in an archive that skops must be told to trust.

    Raises:
        PeersError: it is too large, or holds what no estimator of scikit-learn is made of.
        Exception: it is no archive of skops, or cannot be read: whatever its parts raise.
    """
    import skops.io

    _check_sizes(file)
    found: list[str] = skops.io.get_untrusted_types(file=file)
    if foreign := [name for name in found if not _is_a_part(name)]:
        raise PeersError(
            f"{file} holds what is not loaded ({', '.join(foreign)[:120]}): only classes of scikit-learn are, and no "
            "functions; write it as ONNX"
        )
    return found


def _is_a_part(name: str) -> bool:
    module, _, last = name.rpartition(".")
    parts = module.split(".")
    if parts[0] != "sklearn" or _NEVER.intersection(parts):
        return False
    try:
        return isinstance(getattr(importlib.import_module(module), last, None), type)
    except ImportError:
        return False


def _check_sizes(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()  # no more than this is unpacked of any of them, whatever stands in it
    for size, most in (
        (sum(one.file_size for one in parts), LARGEST),
        (sum(one.file_size for one in parts if one.filename == "schema.json"), LARGEST_PLAN),
    ):
        if size > most:
            raise PeersError(f"{file} has {size:,} bytes unpacked, and {most:,} are read: fit a smaller estimator")
