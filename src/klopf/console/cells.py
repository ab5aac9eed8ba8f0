"""What is written into tables that people open with a spreadsheet."""

from __future__ import annotations

from typing import Any

__all__ = ["cell"]

_BEGIN = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def cell(value: Any) -> Any:
    """``value`` as a cell that no spreadsheet runs: an apostrophe stands before text that it would take for a formula.
    Those in Chinese and Japanese take the wide signs for the same ones.

    >>> [cell(value) for value in ("-1", "+", "red", "=1+1", "-cmd", "@SUM(A1)", "\uff1d1", -1.5)]
    ['-1', '+', 'red', "'=1+1", "'-cmd", "'@SUM(A1)", "'＝1", -1.5]
    """
    if not isinstance(value, str) or len(value) < 2 or value[0] not in _BEGIN:
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value
