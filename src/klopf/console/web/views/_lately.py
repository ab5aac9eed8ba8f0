"""Rows of which only the latest are kept."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Network, Row, View

__all__ = ["Lately"]


class Lately(View):
    """A view that keeps ``most`` rows, in the order in which they first came; a subclass calls :meth:`put`."""

    most = 200
    lately = True

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.now: dict[str, Row] = {}
        self.fresh: dict[str, Row | None] = {}

    def put(self, key: str, row: Row) -> None:
        """The row of a key, new or amended; beyond ``most`` the oldest goes."""
        self.now[key] = self.fresh[key] = row
        if len(self.now) > self.most:
            oldest = next(iter(self.now))
            del self.now[oldest]
            self.fresh[oldest] = None

    def news(self) -> Mapping[str, Row | None]:
        found, self.fresh = self.fresh, {}
        return {key: None if row is None else list(row) for key, row in found.items()}
