"""Records of a file as inputs and targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.tables import read

__all__ = ["read_records"]


def read_records(
    path: Path, target: str, columns: Sequence[str] = ()
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[str, ...]]:
    """Inputs ``(records, columns)``, targets ``(records,)`` and the inputs' names, of a CSV or Parquet file.

    columns: the inputs, in their order; empty for all but the target.

    Raises:
        TableError, FleetError: a column is missing, or has something else than numbers; or there is no record.
    """
    table = read(path)
    table.require(target)
    names = tuple(columns) or tuple(name for name in table.names if name != target)
    if not len(table) or not names or target in names:
        raise FleetError(f"{path} has no records with inputs beside {target!r}: name a file that has")
    inputs = np.stack([table.numbers(name) for name in names], 1)
    return inputs.astype(np.float32), table.numbers(target).astype(np.float32), names
