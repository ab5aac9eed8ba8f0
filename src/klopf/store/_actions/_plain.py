"""A field as it is, or not at all."""

from __future__ import annotations

from typing import Literal

from klopf.store._actions._base import Action, Column, Helps

__all__ = ["Drop", "Keep"]


class Keep(Action):
    """It stays as it is."""

    action: Literal["keep"]

    def apply(self, column: Column, level: int, helps: Helps) -> Column:
        return column


class Drop(Action):
    """It is left out."""

    action: Literal["drop"]

    def apply(self, column: Column, level: int, helps: Helps) -> None:
        return None
