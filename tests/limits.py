"""A time limit for each part of each attempt at a test.

pytest-timeout starts one clock for a test's setup, call, teardown and all its reruns, and stops it when it has struck.
So who hung once, was run again and hung again was waited for without end, and a landing's whole time with it; a
teardown after a test that had run out of time likewise. Here the clock begins anew with each setup and each teardown.
"""

from __future__ import annotations

import pytest
import pytest_timeout


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _begin(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    _begin(item)


def _begin(item: pytest.Item) -> None:
    settings = pytest_timeout._get_item_settings(item)
    if settings.timeout:
        item.config.hook.pytest_timeout_cancel_timer(item=item)
        item.config.hook.pytest_timeout_set_timer(item=item, settings=settings)
