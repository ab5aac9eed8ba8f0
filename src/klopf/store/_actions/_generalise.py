"""A value as the group it belongs to, as coarse as k-anonymity asks for."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from klopf.errors import StoreError
from klopf.store._actions._base import Action, Column, Helps
from klopf.store._actions._cells import numbers, shown, texts
from klopf.tables import Table

__all__ = ["Generalise"]


class Generalise(Action):
    """Numbers as intervals of ``widths``, text as its first letters (``prefix``) or by ``groups``; the last step is
    ``*``, anything. Of the steps the finest is taken at which the whole policy's k holds."""

    action: Literal["generalise"]
    identifies: ClassVar[bool] = True
    widths: tuple[Annotated[float, Field(gt=0)], ...] = Field((), max_length=8)
    """Of the intervals, rising, each a multiple of the one before so that groups lie in groups."""
    prefix: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field((), max_length=8)
    """How many letters stay, falling."""
    groups: dict[str, str] = Field(default_factory=dict, max_length=10_000)
    """The group of each value; one that is in none is ``*``."""

    @model_validator(mode="after")
    def _one_ladder(self) -> Generalise:
        if bool(self.widths) + bool(self.prefix) + bool(self.groups) != 1:
            raise ValueError("give one of widths, prefix or groups")
        for fine, coarse in zip(self.widths, self.widths[1:], strict=False):
            if coarse <= fine or abs(coarse / fine - round(coarse / fine)) > 1e-9:
                raise ValueError(f"widths must rise, each a multiple of the one before: {coarse:g} after {fine:g}")
        if any(b >= a for a, b in zip(self.prefix, self.prefix[1:], strict=False)):
            raise ValueError("prefix must fall: fewer letters at each step")
        return self

    def levels(self) -> int:
        return (len(self.widths) or len(self.prefix) or 1) + 1

    def check(self, column: Column, table: Table) -> None:
        if self.widths:
            found = numbers(column)
            if np.isinf(found).any():
                raise StoreError("an infinite value lies in no interval")

    def apply(self, column: Column, level: int, helps: Helps) -> Column:
        if level == self.levels() - 1:
            return ["*"] * len(column)
        if self.widths:
            width = self.widths[level]
            low = np.floor(numbers(column) / width) * width
            names = {x: f"[{shown(x)},{shown(x + width)})" for x in np.unique(low) if not math.isnan(x)}
            return [names.get(x) for x in low]
        if self.prefix:
            return [value[: self.prefix[level]] or None for value in texts(column)]
        return [self.groups.get(value, "*") if value else None for value in texts(column)]
