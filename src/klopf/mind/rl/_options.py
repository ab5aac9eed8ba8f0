"""What agents' options have in common: each check once, and each refusal in the same words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from klopf.errors import MindError
from klopf.mind._settings import plain

__all__ = ["at_least", "at_most", "below", "numbers", "sizes", "with_options", "words"]

Chosen = TypeVar("Chosen")


def words(given: Any, allowed: Mapping[str, Iterable[str]]) -> None:
    """Fields of ``given`` that are one of some words. Raises: MindError, where one is another."""
    for name, values in allowed.items():
        if getattr(given, name) not in tuple(values):
            raise MindError(f"{name}={getattr(given, name)!r} is not one of {', '.join(values)}")


def numbers(given: Any) -> None:
    """Fields of ``given`` are of the kind of their defaults, Python's own, finite and not negative.

    Raises:
        MindError: one is not.
    """
    for field in fields(given):
        value, default = plain(getattr(given, field.name)), field.default
        object.__setattr__(given, field.name, value)
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise MindError(f"{field.name}={value!r} must be True or False")
        elif isinstance(default, int | float):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise MindError(f"{field.name}={value!r} must be a number")
            if not math.isfinite(value) or value < 0:
                raise MindError(f"{field.name}={value!r} must be finite and not negative")
            if isinstance(default, int) and value != int(value):
                raise MindError(f"{field.name}={value!r} must be a whole number")


def at_most(given: Any, most: float, names: Iterable[str]) -> None:
    """Raises: MindError, where a field of these ``names`` is above ``most``."""
    for name in names:
        if getattr(given, name) > most:
            raise MindError(f"{name}={getattr(given, name)!r} must be at most {most:g}")


def below(given: Any, bound: float, names: Iterable[str]) -> None:
    """Raises: MindError, where a field of these ``names`` is not below ``bound``."""
    for name in names:
        if getattr(given, name) >= bound:
            raise MindError(f"{name}={getattr(given, name)!r} must be below {bound:g}")


def at_least(given: Any, least: float, names: Iterable[str]) -> None:
    """Raises: MindError, where a field of these ``names`` is under ``least``."""
    for name in names:
        if getattr(given, name) < least:
            raise MindError(f"{name}={getattr(given, name)!r} must be at least {least:g}")


def sizes(given: Any, fewest: int = 0) -> None:
    """``hidden`` is a tuple of at least ``fewest`` sizes. Raises: MindError, where it is not."""
    hidden = given.hidden
    if not isinstance(hidden, tuple) or len(hidden) < fewest or any(
        isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in hidden
    ):  # fmt: skip
        some = f" that has {fewest} or more" if fewest else ""
        raise MindError(f"hidden={hidden!r} must be a tuple of whole numbers from 1{some}")


def with_options(settings: Chosen, who: str, options: Mapping[str, Any]) -> Chosen:
    """``settings`` with ``options`` in place of their own; ``who`` has them.

    Raises:
        MindError: no such option, or a value that it cannot have.
    """
    known, given = {field.name for field in fields(settings)}, dict(options)  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise MindError(f"{who} has no option {name!r}; it has {', '.join(sorted(known))}")
    if "hidden" in given:
        try:
            given["hidden"] = tuple(plain(n) for n in given["hidden"])
        except TypeError as error:
            usual = settings.hidden  # type: ignore[attr-defined]
            raise MindError(f"hidden={given['hidden']!r} must be a sequence of sizes, such as {usual}") from error
    return replace(settings, **given)  # type: ignore[type-var]
