"""What a stranger has to bring along: the schema of a network, as it is agreed on the ledger, and files held to it.

A schema is a JSON text, and the plan by which everybody's table is prepared. It names the columns that go in (each with
its kind, its unit, how it is scaled, whether gaps are expected) and what comes out: the classes, the number with its
unit, or a text. Everybody in a network has the same, whoever's file it is.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from klopf import tables
from klopf.errors import PeersError
from klopf.network._columns import plain, understand
from klopf.network._features import Feature, Label, Shown, Strict, fitted
from klopf.network._samples import Samples
from klopf.network._settings import DataSettings
from klopf.network._target import read_target
from klopf.peers import Classes, Numbers, Task, Text

__all__ = ["Feature", "Schema"]

LARGEST = 100_000
"""Bytes of text that the ledger takes."""
COMMON = 0.8
"""Of all rows, a class that has so many makes accuracy say little: who names it always is as right."""


class Schema(Strict):
    """See this module's text. ``names`` are the classes of ``task = "classes"`` and nothing otherwise."""

    task: Literal["classes", "numbers", "text"]
    target: Label
    """The column that is right."""
    features: tuple[Feature, ...] = Field(min_length=1)
    names: tuple[Label, ...] = ()
    frequencies: tuple[Annotated[float, Field(gt=0, le=1)], ...] = ()
    """How frequent each class is, where that is so unequal that all classes are to count alike: the measure is balanced
    accuracy then, and an answer amounts to the class that is likelier than it is frequent. Empty: all samples do."""
    unit: Shown = ""
    """Of the target's numbers."""
    seal_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    """How long answers are sealed before they are opened: not of the data, but the same for everybody, too."""

    @model_validator(mode="after")
    def _consistent(self) -> Schema:
        columns = [one.name for one in self.features] + [self.target]
        inputs = [name for one in self.features for name in one.inputs]
        for what, said in (("column", columns), ("class", list(self.names)), ("input", inputs)):
            if twice := sorted(one for one, times in Counter(said).items() if times > 1):
                raise ValueError(f"the {what} {twice[0]!r} is named twice")
        if self.task == "classes" and len(self.names) < 2:
            raise ValueError("names must have the classes, at least two")
        if self.task != "classes" and (self.names or self.frequencies):
            raise ValueError(f"names are for classes, as frequencies are; this network is for {self.task}")
        if self.frequencies and len(self.frequencies) != len(self.names):
            raise ValueError(f"{len(self.frequencies)} frequencies are given for {len(self.names)} classes")
        if self.task == "text" and (len(self.features) != 1 or self.features[0].inputs != (self.features[0].name,)):
            raise ValueError(f"text needs one feature of text, not {len(self.features)}")
        return self

    # ---- as text

    @property
    def text(self) -> str:
        """What is agreed on the ledger; the same schema is the same text. A line a feature."""
        record = self.model_dump(mode="json")
        usual = {"kind": "number", "gaps": False, "values": [], "cycles": []}
        lines = [{k: v for k, v in one.items() if usual.get(k, self) != v} for one in record.pop("features")]
        features = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in lines)
        if not self.frequencies:
            del record["frequencies"]
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
        """The schema of a file of samples, as it is understood: its columns but those of which nothing can be learned,
        scaled by its own mean and spread.

        Raises:
            TableError: no such file or column, or what cannot be learned from.
            PeersError: a target that is no classes, or names that no schema can have.
        """
        table = plain(tables.read(file, data.form), data.kinds)
        target = read_target(table, data.target, data.task, data.spellings)
        rows = np.arange(len(table))
        if data.task == "text":
            others = tuple(name for name in table.names if name != data.target)
            features: tuple[Feature, ...] = tuple(Feature.model_construct(name=name) for name in others)
        else:
            columns = understand(table, data.target, target.values, data.kinds)
            features = fitted(table, columns, rows)
        frequencies = frequencies_of(target.values, len(target.names), data.measure)
        return cls.made(str(file), data, features, target.names, frequencies)

    @classmethod
    def made(
        cls, source: str, data: DataSettings, features: tuple[Feature, ...], names: tuple[str, ...],
        frequencies: tuple[float, ...] = (),
    ) -> Schema:  # fmt: skip
        """Of parts. PeersError where they make no schema."""
        record = {"task": data.task, "target": data.target, "features": [one.model_dump() for one in features],
                  "names": names, "frequencies": frequencies, "unit": data.unit}  # fmt: skip
        try:
            return cls.model_validate(record)
        except ValidationError as error:
            raise _refused(source, error) from None

    # ---- what follows from it

    @property
    def made_task(self) -> Task:
        """As models have it."""
        features = tuple(name for one in self.features for name in one.inputs)
        if self.task == "classes":
            return Classes(features, self.names, frequencies=self.frequencies)
        if self.task == "numbers":
            return Numbers(features, (self.target,), (self.unit,) if self.unit else ())
        return Text(features, (self.target,))

    def samples(self, file: Path, form: tables.Format | None = None) -> Samples:
        """The samples with their targets in a CSV or Parquet file, prepared. Columns are found by their names, in any
        order; others are passed over.

        Raises:
            TableError, PeersError: what the file lacks or has that the schema does not know; one line.
        """
        table = tables.read(file, form)
        inputs = self.inputs(table)
        return Samples(inputs, self.targets(table, form), self.made_task)

    def questions(self, file: Path, form: tables.Format | None = None) -> NDArray[Any]:
        """The inputs in a file, prepared, whether it has the target or not. Raises as :meth:`samples`."""
        return self.inputs(tables.read(file, form))

    def inputs(self, table: tables.Table) -> NDArray[Any]:
        """The inputs in a table, prepared, ``(n, inputs)``, or texts. Raises as :meth:`samples`."""
        if self.task != "text":
            return np.concatenate([one.encoded(table) for one in self.features], axis=1)
        inputs = _texts(table, self.features[0].name)
        self.made_task.check_inputs(inputs)
        return inputs

    def targets(self, table: tables.Table, form: tables.Format | None = None) -> NDArray[Any]:
        """What is right in each row of a table. Raises as :meth:`samples`."""
        table.require(self.target)
        if self.task == "text":
            texts = _texts(table, self.target)
            self.made_task.check_targets(texts, len(texts))
            return texts
        if self.task == "numbers":
            numbers = table.amounts(self.target)
            if np.isnan(numbers).any():
                raise PeersError(_empty(table, self.target, int(np.argmax(np.isnan(numbers))) + 1))
            return numbers.astype(np.float32)[:, None]
        words, spellings = table.words(self.target), form.spellings if form else {}
        if None in words:
            raise PeersError(_empty(table, self.target, words.index(None) + 1))
        place = {name: k for k, name in enumerate(self.names)}
        codes = np.array([place.get(spellings.get(str(word), str(word)), -1) for word in words], np.int64)
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            known = ", ".join(self.names[:12]) + (", ..." if len(self.names) > 12 else "")
            raise PeersError(
                f"{table.name}: {self.target!r} is {words[row]!r} in row {row + 1}, which is none of the network's "
                f"classes: {known}; spellings say which of them it is"
            )
        return codes


def frequencies_of(codes: NDArray[Any], classes: int, measure: str) -> tuple[float, ...]:
    """How frequent each class is, where all are to count alike: where ``measure`` says so, or says nothing and one has
    most samples. Nothing otherwise."""
    counts = np.bincount(codes, minlength=classes) if classes else np.zeros(1)
    total = max(1, int(counts.sum()))
    if not classes or measure == "accuracy" or (not measure and counts.max() < COMMON * total):
        return ()
    return tuple(round(max(1, int(count)) / total, 6) for count in counts)


def _texts(table: tables.Table, column: str) -> NDArray[Any]:
    words = table.words(column)
    if None in words:
        raise PeersError(_empty(table, column, words.index(None) + 1))
    return np.array([str(word) for word in words])


def _empty(table: tables.Table, column: str, row: int) -> str:
    return f"{table.name}: column {column!r} is empty in row {row}: leave the row out"


def _refused(source: str, error: ValidationError) -> PeersError:
    """One line about the first fault, in which nothing is printed as a stranger wrote it."""
    first = error.errors()[0]
    place = ascii(".".join(str(part) for part in first["loc"])[:80])[1:-1]
    said = first["msg"].removeprefix("Value error, ")
    return PeersError(f"{source} is no schema: {place + ': ' if place else ''}{said}")
