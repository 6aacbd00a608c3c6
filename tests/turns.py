"""Long suites take turns: ``make test`` runs a share of each, another one every day; ``make test-all`` runs them whole.

    pytestmark = pytest.mark.turns(4)  # each day a fourth of all tests that say so

Without ``--in-turns``, as when a file is named, everything runs.
"""

import os
from collections import Counter
from datetime import UTC, datetime

import pytest

_DAY = "BILLING_TESTS_DAY"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--in-turns", action="store_true", help="of suites that take turns, run today's share only")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "turns(shares): of the tests marked alike, make test runs one share a day")
    # The workers of one run inherit it: all choose the same share, also at midnight.
    os.environ.setdefault(_DAY, str(datetime.now(UTC).toordinal()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("in_turns"):
        return
    day, counts = int(os.environ[_DAY]), Counter[int]()  # by shares
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        marker = item.get_closest_marker("turns")
        shares = marker.args[0] if marker else 1
        (chosen if counts[shares] % shares == day % shares else others).append(item)
        counts[shares] += 1
    config.hook.pytest_deselected(items=others)
    items[:] = chosen
