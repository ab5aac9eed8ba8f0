"""What a stranger has to bring along: the schema of a network, as it is agreed on the ledger, and files held to it.

A schema is a JSON text. It names what goes in (in this order, each with its unit and how it is scaled) and what comes
out: the classes, the number with its unit, or a text. Everybody in a network has the same, whoever's file it is.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from klopf import tables
from klopf.errors import PeersError
from klopf.network._data import Samples, read_inputs, read_samples
from klopf.network._scaling import FARTHEST, Scaling
from klopf.network._settings import DataSettings
from klopf.peers import Classes, Numbers, Task, Text

__all__ = ["Feature", "Schema"]

LARGEST = 100_000
"""Bytes of text that the ledger takes."""
_DIRECTS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Characters that turn round what is written after them, to the end of the line."""


def _shown(text: str) -> str:
    """``text``, where it can be printed anywhere on one line as it is. ValueError where it cannot."""
    for letter in text:
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(letter) in _DIRECTS:
            raise ValueError(f"{text[:40]!a} holds {letter!a}: a name or unit is one line without control characters")
    return text


Shown = Annotated[str, AfterValidator(_shown)]
Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_shown)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Feature(_Strict):
    """One column that goes in."""

    name: Label
    unit: Shown = ""
    mean: Annotated[float, Field(ge=-3e38, le=3e38)] = 0.0
    spread: Annotated[float, Field(ge=float(np.finfo(np.float32).tiny), le=3e38)] = 1.0
    """Subtracted, and divided by then, in 32 bits; what is more than 8 spreads away is taken to be there. Of no use to
    text."""


class Schema(_Strict):
    """See this module's text. ``names`` are the classes of ``task = "classes"`` and nothing otherwise."""

    task: Literal["classes", "numbers", "text"]
    target: Label
    """The column that is right."""
    features: tuple[Feature, ...] = Field(min_length=1)
    names: tuple[Label, ...] = ()
    unit: Shown = ""
    """Of the target's numbers."""
    seal_seconds: Annotated[float, Field(ge=0, le=600)] = 30.0
    """How long answers are sealed before they are opened: not of the data, but the same for everybody, too."""

    @model_validator(mode="after")
    def _consistent(self) -> Schema:
        columns = [one.name for one in self.features] + [self.target]
        for what, said in (("column", columns), ("class", list(self.names))):
            if twice := sorted(one for one, times in Counter(said).items() if times > 1):
                raise ValueError(f"the {what} {twice[0]!r} is named twice")
        if self.task == "classes" and len(self.names) < 2:
            raise ValueError("names must have the classes, at least two")
        if self.task != "classes" and self.names:
            raise ValueError(f"names are for classes; this network is for {self.task}")
        if self.task == "text" and len(self.features) != 1:
            raise ValueError(f"text needs one feature, not {len(self.features)}")
        return self

    # ---- as text

    @property
    def text(self) -> str:
        """What is agreed on the ledger; the same schema is the same text. A line a feature."""
        record = self.model_dump(mode="json")
        features = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in record.pop("features"))
        head = json.dumps(record, ensure_ascii=False, indent=1)
        return head.removesuffix("\n}") + f',\n "features": [\n  {features}\n ]\n}}\n'

    @classmethod
    def from_text(cls, text: str, source: str) -> Schema:
        """
        Raises:
            PeersError: it is no schema; one line that names the first fault.
        """
        try:
            made = cls.model_validate_json(text)
        except ValidationError as error:
            raise _refused(source, error) from None
        if (size := len(made.text.encode())) > LARGEST:
            raise PeersError(f"{source} has {size:,} bytes as a schema, and the ledger takes {LARGEST:,}: shorten it")
        return made

    @classmethod
    def read(cls, file: Path) -> Schema:
        """The schema in a file. PeersError where there is none."""
        try:
            return cls.from_text(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise PeersError(f"cannot read {file}: {said}; `klopf network schema FILE` writes one") from None

    @classmethod
    def of(cls, file: Path, data: DataSettings) -> Schema:
        """The schema of a file of samples: its columns as they are, scaled by its own mean and spread.

        Raises:
            TableError: no such file or column, or what cannot be learned from.
            PeersError: a target that is no classes, or names that no schema can have.
        """
        samples = read_samples(file, data)
        task, plain = samples.task, isinstance(samples.task, Text)
        scaling = None if plain else Scaling.of(samples.inputs)
        names = task.names if isinstance(task, Classes) else ()
        try:
            features = tuple(
                Feature(name=name)
                if scaling is None
                else Feature(name=name, mean=float(scaling.mean[i]), spread=float(scaling.spread[i]))
                for i, name in enumerate(task.features)
            )
            return cls(task=data.task, target=data.target, features=features, names=names, unit=data.unit)
        except ValidationError as error:
            raise _refused(str(file), error) from None

    # ---- what follows from it

    @property
    def made_task(self) -> Task:
        """As models have it."""
        features = tuple(one.name for one in self.features)
        if self.task == "classes":
            return Classes(features, self.names)
        if self.task == "numbers":
            return Numbers(features, (self.target,), (self.unit,) if self.unit else ())
        return Text(features, (self.target,))

    @property
    def scaling(self) -> Scaling | None:
        """None where inputs are text."""
        if self.task == "text":
            return None
        means, spreads = ([getattr(one, what) for one in self.features] for what in ("mean", "spread"))
        return Scaling(np.array(means, np.float32), np.array(spreads, np.float32))

    def samples(self, file: Path, form: tables.Format | None = None) -> Samples:
        """The samples with their targets in a CSV or Parquet file, scaled. Columns are found by their names, in any
        order; others are passed over.

        Raises:
            TableError, PeersError: what the file lacks or has that the schema does not know; one line.
        """
        table = tables.read(file, form)
        inputs = self._inputs(table)
        table.require(self.target)
        return Samples(inputs, self._targets(table), self.made_task)

    def questions(self, file: Path, form: tables.Format | None = None) -> NDArray[Any]:
        """The inputs in a file, scaled, whether it has the target or not. Raises as :meth:`samples`."""
        return self._inputs(tables.read(file, form))

    def _inputs(self, table: tables.Table) -> NDArray[Any]:
        inputs = read_inputs(table, [one.name for one in self.features], self.task == "text")
        if self.scaling is None:
            self.made_task.check_inputs(inputs)
            return inputs
        for i, one in enumerate(self.features):
            far = np.abs(inputs[:, i].astype(np.float64) - one.mean) > FARTHEST * one.spread
            if 2 * far.sum() > len(inputs):
                unit = f" in {one.unit}" if one.unit else ""
                raise PeersError(
                    f"{table.name}: column {one.name!r} holds {inputs[int(np.argmax(far)), i]:g} in row "
                    f"{int(np.argmax(far)) + 1} and the like in most, where the network expects {one.mean:g} ± "
                    f"{one.spread:g}{unit}: is it in another unit?"
                )
        return self.scaling.scaled(inputs)

    def _targets(self, table: tables.Table) -> NDArray[Any]:
        if self.task == "numbers":
            return table.numbers(self.target).astype(np.float32)[:, None]
        if self.task == "text":
            if row := table.gap(self.target):
                raise PeersError(f"{table.name}: column {self.target!r} is empty in row {row}: leave the row out")
            targets = np.array([str(cell) for cell in table.columns[self.target]])
            self.made_task.check_targets(targets, len(targets))
            return targets
        labels, found = table.classes(self.target)
        place = {name: k for k, name in enumerate(self.names)}
        codes = np.array([place.get(name, -1) for name in found], np.int64)[labels]
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            known = ", ".join(self.names[:12]) + (", ..." if len(self.names) > 12 else "")
            raise PeersError(
                f"{table.name}: {self.target!r} is {found[labels[row]]!r} in row {row + 1}, which is none of the "
                f"network's classes: {known}"
            )
        return codes


def _refused(source: str, error: ValidationError) -> PeersError:
    """One line about the first fault, in which nothing is printed as a stranger wrote it."""
    first = error.errors()[0]
    place = ascii(".".join(str(part) for part in first["loc"])[:80])[1:-1]
    said = first["msg"].removeprefix("Value error, ")
    return PeersError(f"{source} is no schema: {place + ': ' if place else ''}{said}")
