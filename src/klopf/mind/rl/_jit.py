"""How these kernels are compiled: as the mind's, with a cache that no edit here can leave stale; and each by itself.

Where sums may be reordered, the same function can come out different in the last bit when it is compiled together with
others and when it is loaded from the cache. A life that is resumed must go on to the bit. So a kernel that is not in
the cache yet is compiled in a process of its own, and every process that lives runs the cached one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba

from klopf.mind._jit import cache_folder, compiler

__all__ = ["compile_apart", "jit", "mark_compiled"]

_SOURCES = sorted(Path(__file__).parent.glob("_kernels/*.py"))
_FOLDER = cache_folder(*_SOURCES)

jit: Any = compiler(*_SOURCES, borrowing=True)


def _mark(kernel: str, dtype: str) -> Path | None:
    return None if _FOLDER is None else _FOLDER / f"{kernel}.{dtype}.ready"


def mark_compiled(kernel: str, dtype: str) -> None:
    """Say that ``kernel`` is in the cache."""
    mark = _mark(kernel, dtype)
    if mark is not None:
        mark.touch()


def compile_apart(kernel: str, dtype: str, module: str = "_agent") -> None:
    """Put ``kernel``, which ``module`` can compile, into the cache if it is not there. Where there is no cache, or no
    process, nothing is done."""
    mark = _mark(kernel, dtype)
    config: Any = numba.config
    if mark is None or mark.exists() or config.DISABLE_JIT:
        return
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH", "")) if p)
    code = f"from klopf.mind.rl.{module} import compile_here; compile_here({kernel!r}, {dtype!r})"
    env = os.environ | {"PYTHONPATH": path}
    try:
        with _alone(mark.with_name("compiling")):
            if not mark.exists():
                subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False)
    except OSError:
        return


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time: two that compile together would leave a cache of which each runs its own half."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
