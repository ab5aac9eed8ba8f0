"""A name that nobody can turn back, or make for a person he knows, without the owner's key."""

from __future__ import annotations

import base64
import hmac
from typing import Literal

from pydantic import Field

from klopf.store._actions._base import Action, Column, Helps
from klopf.store._actions._cells import texts

__all__ = ["Pseudonym"]


class Pseudonym(Action):
    """HMAC-SHA-256 of the value under the owner's key, shortened; equal values keep equal pseudonyms."""

    action: Literal["pseudonym"]
    domain: str = Field("", max_length=64)
    """Equal domains give equal values the same pseudonym in different fields; empty: none do."""
    letters: int = Field(16, ge=8, le=52)
    """Of five bits each. With 16, one pair in a million people collides with a chance under one in 10¹²."""

    def apply(self, column: Column, level: int, helps: Helps) -> Column:
        known: dict[str, str] = {}
        out = []
        for value in texts(column):
            if value not in known:
                mac = hmac.digest(helps.key, f"{self.domain}\0{value}".encode(), "sha256")
                known[value] = base64.b32encode(mac).decode().lower()[: self.letters]
            out.append(known[value] if value else None)
        return out
