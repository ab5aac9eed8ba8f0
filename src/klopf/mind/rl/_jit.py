"""How these kernels are compiled: as the mind's, with a cache that no edit here can leave stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from klopf.mind._jit import compiler

__all__ = ["jit"]

jit: Any = compiler(*sorted(Path(__file__).parent.glob("_k_*.py")))
