"""A case out of files: held-out samples, who is of which group, what the model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from klopf import tables
from klopf.audit._case import Case
from klopf.errors import AuditError
from klopf.peers import Classes, Numbers, Task, Text

__all__ = ["read_case"]

_MOST_CLASSES = 1000
Kind = Literal["classes", "numbers", "text"]


def read_case(
    held_out: Path, target: str, *, kind: Kind | None = None, names: Sequence[str] = (), groups: Sequence[str] = (),
    members: Path | None = None, outside: Path | None = None, leave_out: Sequence[str] = (),
    shape: tuple[int, int] | None = None, series: bool = False, form: tables.Format | None = None, plain: bool = False,
) -> Case:  # fmt: skip
    """The case that CSV or Parquet files make.

    Args:
        held_out: samples that nobody has trained on. target: the column that is right. kind: of task; by default text
        where there is one column of text beside the target, classes where the target has at
            most 20 different values or is text, else numbers.
        names: the classes in the model's order; by default those of the file, in theirs.
        groups: columns that say who belongs to which group. One that is text does not go into the model.
        members: samples that the model was trained on.
        outside: samples of another world; the target is not needed there.
        leave_out: columns that do not go into the model.
        shape, series: see :class:`~klopf.audit.Case`.
        form: how the files are written, where they do not tell, and how classes are spelled.
        plain: whether ``held_out`` is as Klopf writes files (:func:`~klopf.audit.desk.hold_out`), and only its
            spellings are those of ``form``.

    Raises:
        TableError, AuditError, PeersError: a file or column that is missing or does not suit; one line.
    """
    spelled = dict(form.spellings) if form else {}
    table = tables.read(held_out, None if plain else form)
    for name in (target, *groups, *leave_out):
        table.require(name)
    kept = [name for name in table.names if name != target and name not in leave_out
            and not (name in groups and not table.is_numbers(name))]  # fmt: skip
    if not kept:
        raise AuditError(f"{table.name} has no column beside {target!r} that goes into the model")
    kind = kind or _kind(table, target, kept)
    task = _task(table, target, kind, kept, names, spelled)
    inputs, targets = _inputs(table, kept, kind), _targets(table, target, task, spelled)
    of = {name: np.array([str(cell) for cell in table.columns[name]]) for name in groups}
    shown, strange = None, None
    if members is not None:
        read = tables.read(members, form)
        shown = _inputs(read, kept, kind), _targets(read, target, task, spelled)
    if outside is not None:
        strange = _inputs(tables.read(outside, form), kept, kind)
    return Case(task, inputs, targets, of, shown, strange, shape=shape, series=series)


def _kind(table: tables.Table, target: str, kept: Sequence[str]) -> Kind:
    if not table.is_numbers(target):
        return "text" if len(kept) == 1 and not table.is_numbers(kept[0]) else "classes"
    return "classes" if len(np.unique(table.numbers(target))) <= 20 else "numbers"


def _task(
    table: tables.Table, target: str, kind: Kind, kept: Sequence[str], names: Sequence[str], spelled: Mapping[str, str]
) -> Task:
    if kind == "text":
        return Text((kept[0],), (target,))
    if kind == "numbers":
        return Numbers(tuple(kept), (target,))
    written = table.classes(target)[1]
    called = [spelled.get(one, one) for one in written]
    found = tuple(names) or (written if list(written) == called else tuple(sorted(set(called))))
    if len(found) > _MOST_CLASSES:
        raise AuditError(f"{table.name}: {target!r} has {len(found)} values, too many for classes: --kind numbers?")
    if len(found) < 2:
        raise AuditError(f"{table.name}: {target!r} has one class only: there is nothing to tell apart")
    return Classes(tuple(kept), found)


def _inputs(table: tables.Table, kept: Sequence[str], kind: Kind) -> NDArray[Any]:
    if kind == "text":
        table.require(kept[0])
        return np.array([str(cell) for cell in table.columns[kept[0]]])
    return np.stack([table.numbers(name) for name in kept], axis=1).astype(np.float32)


def _targets(table: tables.Table, target: str, task: Task, spelled: Mapping[str, str]) -> NDArray[Any]:
    table.require(target)
    if isinstance(task, Text):
        return np.array([str(cell) for cell in table.columns[target]])
    if isinstance(task, Numbers):
        return table.numbers(target).astype(np.float32)[:, None]
    codes, written = table.classes(target)
    names = [spelled.get(one, one) for one in written]
    place = {name: i for i, name in enumerate(task.names)}
    if strange := [name for name in names if name not in place]:
        raise AuditError(f"{table.name}: {strange[0][:60]!r} is none of the classes {', '.join(task.names)[:120]}")
    return np.array([place[name] for name in names], np.int64)[codes]
