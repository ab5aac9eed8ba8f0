"""How kernels are compiled: once, lazily, cached on disk under a name that changes whenever any of their sources does.

Numba's own cache looks only at the file a kernel stands in; the kernels here also contain ``klopf.neuron``. So the
cache folder is named after the contents of all these files: an edit anywhere starts an empty one, and a stale kernel
can never run. The name also says where the files lie and what processor this is, because Numba compiles afresh for
another of either: what one folder holds is then right for all who look into it. Where no folder can be written, kernels
are compiled afresh in every process.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core.caching import FunctionCache

from klopf import neuron
from klopf.mind._compiling import listen

__all__ = ["cache_folder", "compiler", "inlined", "jit"]

_SOURCES = (
    Path(neuron.__file__),
    *sorted(Path(__file__).parent.glob("kernels/**/*.py")),
    Path(__file__),
)
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered; NaN and infinity keep their meaning
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": _FASTMATH, "error_model": "numpy", "boundscheck": False}

_BORROWED: dict[str, Any] = {"_nrt": False}  # the caller holds the arrays: no references are counted, nothing allocated


def cache_folder(*more: Path) -> Path | None:
    """Folder of the compiled kernels, or None if none can be written. ``KLOPF_CACHE`` names another parent.

    ``more`` are source files that these kernels are made of, beside the mind's own.
    """
    parent = os.environ.get("KLOPF_CACHE")
    if parent is None:
        home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
        try:
            parent = str((Path(home) if home else Path.home() / ".cache") / "klopf")
        except RuntimeError:  # no home directory
            return None
    processor = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:2]} {processor}".encode())
    for source in (*_SOURCES, *more):
        digest.update(str(source).encode() + source.read_bytes())
    folder = Path(parent) / "kernels" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return None
    return folder


def compiler(*more: Path) -> Callable[..., Any]:
    """A decorator that compiles in nopython mode, releasing the GIL, cached on disk where possible.

    ``more`` are source files whose every change makes the cache stale, beside the mind's own.
    """
    folder = cache_folder(*more)

    def jit(function: Callable[..., Any], key: Any = None) -> Any:
        config: Any = numba.config
        before = config.CACHE_DIR
        if folder is not None:
            config.CACHE_DIR = str(folder)
        try:
            options = _OPTIONS if key is None else {**_OPTIONS, **_BORROWED}
            kernel = numba.njit(function, cache=folder is not None and key is None, **options)
            if key is not None and folder is not None and not config.DISABLE_JIT:
                kernel._cache = _NamedCache(kernel.py_func, repr(key))
            return kernel
        finally:
            config.CACHE_DIR = before

    return jit


class _NamedCache(FunctionCache):
    """Numba's cache for a kernel that is composed of others. Numba would tell two of these apart by what they are
    composed of, which has another name in every process; the plan that they were built from has not."""

    def __init__(self, function: Callable[..., Any], key: str) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._key = hashlib.sha256(key.encode()).hexdigest()

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return sig, codegen.magic_tuple(), self._key


jit = compiler()
"""``jit(function)``, or ``jit(function, key)`` for a function that closes over other kernels: ``key`` says which, by a
``repr`` that is the same in every process."""


def inlined(function: Callable[..., Any]) -> Any:
    """A pass of a kernel: its source becomes part of the kernel that calls it, and it is never compiled by itself.

    So a kernel that is composed of passes is compiled as if it had been written in one piece: no call, and the same
    sums in the same order.
    """
    return numba.njit(function, inline="always", **_OPTIONS)


listen()
