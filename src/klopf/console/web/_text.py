"""What strangers wrote, made fit to be shown: short, and without signs that turn the text around it."""

from __future__ import annotations

from typing import Any

__all__ = ["clean"]

LONGEST = 300
"""Letters of one text."""
MOST = 64
"""Entries of one dict of scores."""
_TURNS = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SIGNS = {
    **dict.fromkeys(_TURNS),
    **{code: " " for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)},
    **{code: "\ufffd" for code in range(0xD800, 0xE000)},
}


def clean(said: Any, depth: int = 0) -> Any:
    """``said``, of what JSON has, with every text cut and without control signs; rows of a view are two levels down.

    >>> clean(["a" * 1000, {"x\\u202ey": 1}])[0][-3:], clean("one\\ntwo")
    ('aa…', 'one two')
    """
    if isinstance(said, str):
        cut = said[: LONGEST - 1] + "…" if len(said) > LONGEST else said
        return cut.translate(_SIGNS)
    if isinstance(said, list):
        return [clean(one, depth + 1) for one in said[:MOST]]
    if isinstance(said, dict):
        kept = list(said.items())[:MOST] if depth else said.items()
        return {clean(key): clean(one, depth + 1) for key, one in kept}
    return said
