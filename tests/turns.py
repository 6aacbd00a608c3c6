"""Long suites take turns: ``make test`` runs a share of each, another one every day; ``make test-all`` runs them whole.

    pytestmark = pytest.mark.turns(4)  # each day a fourth of this file's tests

Without ``--in-turns``, as when a file is named, everything runs.
"""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

_DAY = "BILLING_TESTS_DAY"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--in-turns", action="store_true", help="of suites that take turns, run today's share only")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "turns(shares): of the marked tests of a file, make test runs one share a day")
    # The workers of one run inherit it: all choose the same share, also at midnight.
    os.environ.setdefault(_DAY, str(datetime.now(UTC).toordinal()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("in_turns"):
        return
    day, counts = int(os.environ[_DAY]), Counter[Path]()
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        marker = item.get_closest_marker("turns")
        is_due = marker is None or counts[item.path] % marker.args[0] == day % marker.args[0]
        (chosen if is_due else others).append(item)
        counts[item.path] += marker is not None
    config.hook.pytest_deselected(items=others)
    items[:] = chosen
