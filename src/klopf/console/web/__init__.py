"""The live page: what a network knows, in a browser, while it happens.

    from klopf.console import web

    web.serve(web.of_run(Path("run")), port=0, opened=print)   # until it is stopped

A :class:`View` is one table of it, an :class:`Act` what it can do with a key; both are extension points (``VIEWS``,
``ACTS``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.console.web.acts import ACTS, Act, Field, Given
from klopf.console.web.view import VIEWS, Cell, Column, Network, Row, View

if TYPE_CHECKING:
    from klopf.console.web._acting import Desk
    from klopf.console.web._auditing import serve_audits
    from klopf.console.web._learning import serve_curves
    from klopf.console.web._serve import serve
    from klopf.console.web._source import Source, of_remote, of_run
    from klopf.console.web._sudoku import serve_sudoku
    from klopf.console.web._twin import serve_twin

__all__ = [
    "ACTS",
    "VIEWS",
    "Act",
    "Cell",
    "Column",
    "Desk",
    "Field",
    "Given",
    "Network",
    "Row",
    "Source",
    "View",
    "of_remote",
    "of_run",
    "serve",
    "serve_audits",
    "serve_curves",
    "serve_sudoku",
    "serve_twin",
]

_LATER = {
    "Desk": "_acting", "Source": "_source", "of_remote": "_source", "of_run": "_source", "serve": "_serve",
    "serve_audits": "_auditing", "serve_curves": "_learning", "serve_sudoku": "_sudoku",
    "serve_twin": "_twin",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'klopf.console.web' has no attribute {name!r}")
    import importlib

    from klopf.extras import require

    require("page", "the page")
    return getattr(importlib.import_module(f"klopf.console.web.{_LATER[name]}"), name)
