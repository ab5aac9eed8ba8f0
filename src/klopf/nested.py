"""JSON that a stranger wrote, and how deep it may be nested.

Python's limit of recursion is what ends the parser on ``[[[[…``; a package that raises the limit for good, as py_ecc
does (web3, eth_account and eth_keyfile import it), takes that end away: then some 60,000 brackets overflow the stack,
and the process ends without a word. So the depth is looked at before anything is parsed, and the limit brought back.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

__all__ = ["DEEPEST", "from_json", "limited"]

DEEPEST = 64
"""Levels of lists and objects in one another."""
_FRAMES = 24 * 1024
"""The limit of recursion at most: what a machine of the chain needs (``klopf.chain.machine``), and no stack overflows
by."""
_MARKS = re.compile(rb'\\.|["\[\]{}]', re.S)


def from_json(data: bytes, **hooks: Any) -> Any:
    """What stands in ``data`` (UTF-8); ``hooks`` as :func:`json.loads` takes them.

    Raises:
        ValueError: it is no JSON, or nested more than 64 levels deep.

    >>> from_json(b'{"a": [1, "[[["]}')
    {'a': [1, '[[[']}
    """
    if data.count(b"[") + data.count(b"{") > DEEPEST:
        _look(data)
    return json.loads(data.decode(), **hooks)


def _look(data: bytes) -> None:
    depth, inside = 0, False
    for mark in _MARKS.finditer(data):
        letter = mark[0]
        if letter == b'"':
            inside = not inside
        elif not inside and len(letter) == 1:  # two of them are a letter that is escaped
            depth += 1 if letter in b"[{" else -1
            if depth > DEEPEST:
                raise ValueError(f"it is nested too deeply, {DEEPEST} levels are the most")


def limited() -> None:
    """Bring the limit of recursion back to what no stack overflows by: to be called after what raises it is imported.
    It is never lowered below what a machine that runs in another thread has just asked for."""
    sys.setrecursionlimit(min(sys.getrecursionlimit(), _FRAMES))
