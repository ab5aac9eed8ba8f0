"""What every action is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from klopf.tables import Table

__all__ = ["Action", "Column", "Helps"]

Column = Any
"""As in :class:`klopf.tables.Table`: an array of float64, or a list of text with None for a gap."""


@dataclass(frozen=True)
class Helps:
    """What an action may use beside its own column."""

    table: Table
    """The records, before anything was done to them."""
    key: bytes
    """The owner's, 32 bytes."""
    noise: Callable[[NDArray[Any], float], NDArray[Any]]
    """Adds discrete Laplace noise of the given scale to whole numbers; their price was paid."""


class Action(BaseModel, ABC):
    """What becomes of one field."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    identifies: ClassVar[bool] = False
    """Whether somebody who knows a person is supposed to know this field of them: it counts for k-anonymity."""
    sensitive: bool = False
    """Whether it should differ within a group that cannot be told apart (l-diversity)."""

    def levels(self) -> int:
        """How many steps there are, from the finest (0) to the coarsest."""
        return 1

    def check(self, column: Column, table: Table) -> None:
        """
        Raises:
            StoreError: it cannot be done to these values; one line that begins with what is wrong with them.
        """

    @abstractmethod
    def apply(self, column: Column, level: int, helps: Helps) -> Column | None:
        """The column that takes its place; None: no column."""
