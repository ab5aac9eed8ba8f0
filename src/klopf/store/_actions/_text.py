"""Free text without the names, numbers and addresses that can be recognised in it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from klopf.extras import require
from klopf.store._actions._base import Action, Column, Helps
from klopf.store._actions._cells import texts
from klopf.tables import Table

__all__ = ["Text"]


class Text(Action):
    """What is recognised is written as its kind, such as ``<EMAIL_ADDRESS>``. Recognisers are patterns, which find no
    names of people: say these in ``words``, or drop the field."""

    action: Literal["text"]
    words: tuple[str, ...] = Field((), max_length=10_000)
    """Names and other words to be taken out wherever they stand."""

    def check(self, column: Column, table: Table) -> None:
        require("text", "free text")

    def apply(self, column: Column, level: int, helps: Helps) -> Column:
        from klopf.store._presidio import redact

        return redact(texts(column), self.words)
