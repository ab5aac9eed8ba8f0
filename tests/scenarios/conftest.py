"""No run outlives the test that started it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .network import STARTED, end_since


@pytest.fixture(autouse=True)
def _runs_end() -> Iterator[None]:
    first = len(STARTED)
    yield
    end_since(first)
