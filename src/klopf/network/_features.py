"""A column that goes in, and the inputs of models that it becomes: a line of the plan by which tables are prepared."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from klopf.errors import PeersError
from klopf.network._columns import Column, common, moments
from klopf.network._scaling import FARTHEST, Scaling
from klopf.tables import Table

__all__ = ["Feature", "Label", "Shown", "Strict", "fitted", "is_label"]

_DIRECTS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Characters that turn round what is written after them, to the end of the line."""
_DAYS = {"year": 365.2425, "week": 7.0, "day": 1.0}
OTHER = "other"
"""What a category is that the plan does not name."""


def _controls(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(letter) in _DIRECTS


def _shown(text: str) -> str:
    """``text``, where it can be printed anywhere on one line as it is. ValueError where it cannot."""
    for letter in text:
        if _controls(letter):
            raise ValueError(f"{text[:40]!a} holds {letter!a}: a name or unit is one line without control characters")
    return text


def is_label(text: str) -> bool:
    """Whether ``text``, as a file has it, can be the name of a column or a class."""
    return 0 < len(text) <= 200 and not any(map(_controls, text))


Shown = Annotated[str, AfterValidator(_shown)]
Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_shown)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Feature(Strict):
    """One column that goes in. By its kind it becomes

    - ``number``: one input, less ``mean``, by ``spread``; what is more than 8 spreads away is taken to be there.
    - ``category``: an input for each of ``values``, and one for any other: 1 for what it is, 0 for what it is not.
    - ``date``: one input as a number, in days since 1970, and for each of ``cycles`` a sine and a cosine.

    A gap is 0 in all of these, and where ``gaps`` are expected 1 in an input of its own.
    """

    name: Label
    unit: Shown = ""
    mean: Annotated[float, Field(ge=-3e38, le=3e38)] = 0.0
    spread: Annotated[float, Field(ge=float(np.finfo(np.float32).tiny), le=3e38)] = 1.0
    """In 32 bits. Of no use to text and categories."""
    kind: Literal["number", "category", "date"] = "number"
    gaps: bool = False
    values: tuple[Label, ...] = Field((), max_length=1000)
    cycles: tuple[Literal["year", "week", "day"], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Feature:
        for what, kind in (("values", "category"), ("cycles", "date")):
            given = getattr(self, what)
            if given and self.kind != kind:
                raise ValueError(f"{what} are a {kind}'s; {self.name!r} is a {self.kind}")
            if len(set(given)) < len(given):
                raise ValueError(f"{self.name!r} has one of its {what} twice")
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """What its inputs are called.

        >>> Feature(name="colour", kind="category", values=("blue", "red"), gaps=True).inputs
        ('colour = blue', 'colour = red', 'colour = other', 'colour is missing')
        """
        missing = (f"{self.name} is missing",) if self.gaps else ()
        if self.kind == "category":
            return (*(f"{self.name} = {value}" for value in (*self.values, OTHER)), *missing)
        turns = tuple(f"{self.name}, {turn} of the {one}" for one in self.cycles for turn in ("sine", "cosine"))
        return (self.name, *turns, *missing)

    def encoded(self, table: Table) -> NDArray[np.float32]:
        """The inputs of a table's rows, ``(n, inputs)``.

        Raises:
            TableError: no such column, or a cell that is not what it must be; one line that names its row.
            PeersError: a gap where none is expected, or most is in another unit.
        """
        table.require(self.name)
        if self.kind == "category":
            return self._categories(table)
        if self.kind == "number":
            found = table.amounts(self.name)
        else:
            days = moments(table, self.name)
            if days is None:
                self._no_dates(table)
            found = np.full(len(table), np.nan) if days is None else days
        gaps = self._gaps(table, np.isnan(found))
        self._in_this_unit(table, found)
        mean, spread = np.float32(self.mean), np.float32(self.spread)
        scaled = np.clip((found.astype(np.float32) - mean) / spread, -FARTHEST, FARTHEST).astype(np.float32)
        turns = [turn(2 * np.pi * found / _DAYS[one]) for one in self.cycles for turn in (np.sin, np.cos)]
        made = np.column_stack([scaled, *turns]).astype(np.float32)
        made[gaps] = 0.0
        return self._with_gaps(made, gaps)

    def _categories(self, table: Table) -> NDArray[np.float32]:
        words = table.words(self.name)
        place: dict[str | None, int] = {value: k for k, value in enumerate(self.values)}
        at = np.array([-1 if word is None else place.get(word, len(self.values)) for word in words], np.int64)
        made = np.zeros((len(words), len(self.values) + 1), np.float32)
        there = np.flatnonzero(at >= 0)
        made[there, at[there]] = 1.0
        return self._with_gaps(made, self._gaps(table, at < 0))

    def _with_gaps(self, made: NDArray[np.float32], gaps: NDArray[np.bool_]) -> NDArray[np.float32]:
        return np.column_stack([made, gaps.astype(np.float32)]) if self.gaps else made

    def _gaps(self, table: Table, gaps: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if gaps.any() and not self.gaps:
            raise PeersError(
                f"{table.name}: column {self.name!r} is empty in row {int(np.argmax(gaps)) + 1}, and the network "
                "expects no gaps there: fill it in or leave the row out"
            )
        return gaps

    def _no_dates(self, table: Table) -> None:
        """PeersError unless there are gaps only."""
        row, word = next(((i, w) for i, w in enumerate(table.words(self.name), 1) if w is not None), (0, ""))
        if row:
            raise PeersError(
                f"{table.name}: column {self.name!r} holds {str(word)[:40]!r} in row {row} where a date is needed: "
                "write it as 2024-12-31"
            )

    def _in_this_unit(self, table: Table, found: NDArray[np.float64]) -> None:
        far = np.abs(found - self.mean) > FARTHEST * self.spread
        if self.kind == "number" and 2 * far.sum() > (~np.isnan(found)).sum():
            unit = f" in {self.unit}" if self.unit else ""
            row = int(np.argmax(far))
            raise PeersError(
                f"{table.name}: column {self.name!r} holds {found[row]:g} in row {row + 1} and the like in most, where "
                f"the network expects {self.mean:g} ± {self.spread:g}{unit}: is it in another unit?"
            )


def fitted(table: Table, columns: tuple[Column, ...], rows: NDArray[np.int64]) -> tuple[Feature, ...]:
    """The features that ``columns`` of a plain table become, learned from ``rows`` alone: of single rows they tell
    nothing but through means and spreads, and name categories only that enough of the rows have."""
    whole = [c.name for c in columns if c.kind == "number" and not c.gaps]
    usual = (
        Scaling.of(np.stack([table.amounts(name)[rows] for name in whole], axis=1).astype(np.float32))
        if whole
        else None
    )
    scaled = {name: (float(usual.mean[i]), float(usual.spread[i])) for i, name in enumerate(whole) if usual}
    return tuple(_fitted(table, column, rows, scaled) for column in columns if column.kind != "drop")


def _fitted(
    table: Table, column: Column, rows: NDArray[np.int64], scaled: Mapping[str, tuple[float, float]]
) -> Feature:  # fmt: skip
    """Its names are checked where a schema is made of it."""
    name, gaps = column.name, column.gaps > 0
    if name in scaled:
        return Feature.model_construct(name=name, mean=scaled[name][0], spread=scaled[name][1])
    if column.kind == "category":
        words = table.words(name)
        return Feature.model_construct(name=name, kind="category", values=common([words[i] for i in rows]), gaps=gaps)
    days = moments(table, name) if column.kind == "date" else None
    found = (table.amounts(name) if days is None else days)[rows]
    there = found[~np.isnan(found)]
    scaling = Scaling.of(there.astype(np.float32)[:, None] if len(there) else np.zeros((1, 1), np.float32))
    mean, spread = float(scaling.mean[0]), float(scaling.spread[0])
    if days is None:
        return Feature.model_construct(name=name, mean=mean, spread=spread, gaps=gaps)
    cycles = _cycles(there)
    return Feature.model_construct(name=name, kind="date", mean=mean, spread=spread, gaps=gaps, cycles=cycles)


def _cycles(days: NDArray[np.float64]) -> tuple[Literal["year", "week", "day"], ...]:
    """The cycles that dates go through at least once, and of the day where they have times."""
    span = float(np.ptp(days)) if len(days) else 0.0
    found: list[Literal["year", "week", "day"]] = []
    if span > 300:
        found.append("year")
    if span > 7:
        found.append("week")
    if (days % 1 != 0).any():
        found.append("day")
    return tuple(found)
