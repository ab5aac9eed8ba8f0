"""The border to rules and lives of other packages: compiled code follows their sources, faults are one line.

Klopf's own kernels are cached by Klopf's sources (``klopf.mind._jit``). What a package beside it adds is not among
those, so a kernel that contains it is also kept apart by that package's files: an edit is compiled, never passed over.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from klopf.errors import MindError
from klopf.mind.kernels.parts import SHIPPED, life_called, package_of, rule_called

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan

__all__ = ["blame", "learner_of", "sources"]


@functools.cache
def learner_of(plan: Plan) -> Any:
    """The kernel ``learn`` of this plan (``build_learn``); where a part is another package's, cached by its files."""
    from klopf.mind.kernels.learn import build_learn

    kernel = build_learn(plan)
    parts = [
        called(name) for called, name in ((rule_called, plan.rule), (life_called, plan.life)) if name not in SHIPPED
    ]
    cache: Any = getattr(kernel, "_cache", None)
    if not parts or not hasattr(cache, "_key"):  # nothing is cached where no folder is, or where nothing is compiled
        return kernel
    files = [sources(part) for part in parts]
    if all(files):
        digest = hashlib.sha256(repr(plan).encode())
        for file in sorted({file for found in files for file in found}):
            digest.update(str(file).encode() + file.read_bytes())
        cache._key = digest.hexdigest()
    else:  # typed in by hand: no file says when it changes
        from numba.core.caching import NullCache

        kernel._cache = NullCache()
    return kernel


def sources(part: type) -> tuple[Path, ...]:
    """The files that ``part`` and what it inherits are written in, Klopf's aside: each one's package, or its module.

    Empty where one of them has no file.
    """
    found: set[Path] = set()
    for kind in part.__mro__:
        top = kind.__module__.split(".")[0]
        if top in ("klopf", "builtins", "abc", "typing"):
            continue
        module = sys.modules.get(top)
        places = [Path(place) for place in getattr(module, "__path__", ())]
        files = {file for place in places for file in place.rglob("*.py")}
        if not files and getattr(module, "__file__", None):
            files = {Path(str(module.__file__))}  # type: ignore[union-attr]
        files = {file for file in files if file.is_file()}
        if not files:
            return ()
        found |= files
    return tuple(sorted(found))


def blame(error: Exception, rule: Any, life: Any) -> None:
    """Nothing, where rule and life are Klopf's own or the error is a refusal already.

    Raises:
        MindError: in one line, whose rule or life it was and what went wrong.
    """
    names = [
        f"the {kind} {name!r} of {package_of(name)}"
        for kind, name in (("rule", rule), ("life", life))
        if isinstance(name, str) and name not in SHIPPED
    ]
    if isinstance(error, MindError) or not names:
        return
    lines = [line.strip() for line in str(error).splitlines()]
    said = next((line for line in lines if line and not line.startswith("Failed in nopython mode")), "")
    raise MindError(f"{' or '.join(names)} is wrong: {type(error).__name__}: {said[:200]}") from error
