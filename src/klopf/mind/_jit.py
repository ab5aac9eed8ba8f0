"""How kernels are compiled: once, lazily, cached on disk under a name that changes whenever any of their sources does.

Numba's own cache looks only at the file a kernel stands in; the kernels here also contain ``klopf.neuron``. So the
cache folder is named after the contents of all these files: an edit anywhere starts an empty one, and a stale kernel
can never run. It is not named after where the files lie, so what one checkout compiled every other one loads, and a
wheel may bring compiled kernels along (``compiled/``, made by ``klopf warm --into``): those are for a level of
processors, ``x86-64-v3``, and whoever is of that level loads them. Where no folder can be written, kernels are compiled
afresh in every process.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

from klopf import neuron
from klopf.mind._compiling import listen

__all__ = [
    "LEVEL",
    "SHIPPED",
    "borrowing",
    "cache_folder",
    "compiler",
    "digest",
    "inlined",
    "jit",
    "making",
    "shipped_folder",
]

_ROOT = Path(neuron.__file__).parent
_SOURCES = (
    Path(neuron.__file__),
    *sorted(Path(__file__).parent.glob("kernels/**/*.py")),
    Path(__file__),
)
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered; NaN and infinity keep their meaning
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": _FASTMATH, "error_model": "numpy", "boundscheck": False}

_BORROWED: dict[str, Any] = {"_nrt": False}  # the caller holds the arrays: no references are counted, nothing allocated
_MAKING: dict[str, Any] = {"_nrt": True}  # otherwise as who calls it

SHIPPED = Path(__file__).parent / "compiled"
"""Where a wheel keeps the kernels that it brings."""
LEVEL = "x86-64-v3"
"""The processors that those are compiled for: with AVX2 and FMA, which is all since 2015."""
_LEVEL_HAS = ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")


def digest(*more: Path) -> str:
    """Of the kernels' sources, and of what compiles them. ``more`` are sources beside the mind's own."""
    made = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version_info[:2]}".encode())
    for source in (*_SOURCES, *more):
        made.update(source.relative_to(_ROOT).as_posix().encode() + source.read_bytes())
    return made.hexdigest()[:16]


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
    folder = Path(parent) / "kernels" / digest(*more)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        return None
    return folder


def shipped_folder(*more: Path) -> Path | None:
    """Folder of the kernels that came with the wheel, where this processor and these versions can run them."""
    folder = SHIPPED / digest(*more)
    if platform.machine().lower() not in ("x86_64", "amd64") or not folder.is_dir():
        return None
    has = llvm.get_host_cpu_features()
    return folder if all(has.get(feature) for feature in _LEVEL_HAS) else None


def compiler(*more: Path, borrowing: bool = False, making: bool = False) -> Callable[..., Any]:
    """A decorator that compiles in nopython mode, releasing the GIL, cached on disk where possible.

    ``more`` are source files whose every change makes the cache stale, beside the mind's own. Functions that are
    ``borrowing`` count no references, which a small network's step would notice, and may not make arrays; but they may
    call others that are ``making`` some.
    """
    own, shipped = cache_folder(*more), shipped_folder(*more)

    def jit(function: Callable[..., Any], key: Any = None) -> Any:
        options = {**_OPTIONS, **(_BORROWED if borrowing or key is not None else _MAKING if making else {})}
        kernel = numba.njit(function, **options)
        config: Any = numba.config
        if (own or shipped) and not config.DISABLE_JIT:
            before = config.CACHE_DIR
            config.CACHE_DIR = str(own or shipped)  # so that Numba looks for no place of its own
            try:
                kernel._cache = _Shelf(kernel.py_func, "" if key is None else repr(key), own, shipped)
            finally:
                config.CACHE_DIR = before
        return kernel

    return jit


class _Shelf(FunctionCache):
    """Numba's cache for one kernel, in two places: the wheel's, which is only read, and the user's.

    Each kernel of each signature has files of its own, so that processes that compile at once cannot mix them up.
    ``key`` tells apart kernels that are composed of others; Numba would by what they are composed of, which has another
    name in every process.
    """

    def __init__(self, function: Callable[..., Any], key: str, own: Path | None, shipped: Path | None) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._key = f"{function.__module__} {key}"
        self._own, self._shipped = own, shipped

    def _places(self, sig: Any, codegen: Any) -> Iterator[tuple[Any, Any]]:
        """A place's file and what this kernel is called in it, the wheel's first."""
        here = codegen.magic_tuple()
        for folder, processor in ((self._shipped, (here[0], LEVEL, "")), (self._own, here)):
            if folder is not None:
                name = hashlib.sha256(f"{self._key} {sig} {processor}".encode()).hexdigest()[:16]
                base = f"{self._impl.filename_base}-{name}"
                yield IndexDataCacheFile(str(folder), base, ""), (sig, processor, self._key)  # type: ignore[no-untyped-call]

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        for file, name in self._places(sig, target_context.codegen()):
            try:
                data = file.load(name)
            except (EOFError, pickle.UnpicklingError):  # cut short
                continue
            if data is not None:
                return self._impl.rebuild(target_context, data)
        return None

    def _save_overload(self, sig: Any, data: Any) -> None:
        if self._own is None or not self._impl.check_cachable(data):
            return
        *_, (file, name) = self._places(sig, data.codegen)
        self._own.mkdir(parents=True, exist_ok=True)
        file.save(name, self._impl.reduce(data))


jit = compiler()
"""``jit(function)``, or ``jit(function, key)`` for a function that closes over other kernels: ``key`` says which, by a
``repr`` that is the same in every process."""

borrowing = compiler(borrowing=True)
"""``jit`` for functions that make no arrays: to count who holds each view of one takes longer than what they do."""
making = compiler(making=True)
"""``jit`` for functions that make arrays, whoever calls them."""


def inlined(function: Callable[..., Any]) -> Any:
    """A pass of a kernel: its source becomes part of the kernel that calls it, and it is never compiled by itself.

    So a kernel that is composed of passes is compiled as if it had been written in one piece: no call, and the same
    sums in the same order.
    """
    return numba.njit(function, inline="always", **_OPTIONS)


listen()
