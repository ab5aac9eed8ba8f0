"""Where the real series lie, for tests that skip without them."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def citylearn() -> Path:
    place = Path(__file__).parents[3] / "shared/data/citylearn-2022-phase-1"
    if not place.is_dir():
        pytest.skip("no ../shared/data/citylearn-2022-phase-1: real series are not tried")
    return place
