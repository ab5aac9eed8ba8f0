"""Whatever the thing under test does wrong is one AssertionError of one line."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from klopf.extensions import said

__all__ = ["derived", "promise"]


@contextmanager
def promise(name: str, *kinds: Any) -> Iterator[None]:
    """What is raised inside becomes an ``AssertionError`` of one line that names ``name``, the method of ``kinds`` in
    which it was raised, and the error; what a check itself says goes through as it is."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        if isinstance(error, AssertionError) and frames[-1].f_globals.get("__name__", "").startswith("klopf.checks."):
            raise
        codes = [frame.f_code for frame in frames]
        method = next((found for code in codes if (found := _method(code, kinds))), "")
        raise AssertionError(f"{name}{'.' + method + '()' if method else ''} fails: {said(error)}") from error


def _method(code: Any, kinds: tuple[Any, ...]) -> str:
    """The method of ``kinds`` whose code this is, "" if of none; those of Klopf's abstract classes do not count."""
    for kind in kinds:
        for owner in getattr(kind, "__mro__", ()):
            if inspect.isabstract(owner):
                continue
            for name, value in dict(vars(owner)).items():
                if getattr(getattr(value, "__func__", value), "__code__", None) is code:
                    return str(name)
    return ""


def derived(given: object, base: type, check: str) -> None:
    """``given`` is a class derived from ``base``, with nothing left to write.

    Raises:
        AssertionError: it is not; one line says what to give to ``check``.
    """
    what = given.__qualname__ if isinstance(given, type) else repr(given)
    assert isinstance(given, type) and base in type.mro(given), (
        f"{what:.80} is no subclass of {base.__name__}: give {check} a class derived from {base.__name__}"
    )
    assert not inspect.isabstract(given), (
        f"{what} lacks {', '.join(sorted(getattr(given, '__abstractmethods__', ())))}: write them"
    )
