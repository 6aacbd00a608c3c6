"""A shop with sign-in and ledger, whose operator types."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.command_line import Run

OPEN = ("orders", "open", "1042", "--customer", "nowak", "--name", "A. Nowak [b]", "--currency", "eur", "--by", "ann")


@pytest.fixture
def shop(ledger: Callable[..., None], run: Run) -> Run:
    ledger()
    return run


def opened(run: Run, *more: str) -> Any:
    return run(*OPEN, "--line", "2 x Sign=90.00", *more)


def shown(run: Run, number: str = "1042") -> dict[str, Any]:
    return dict(json.loads(run("orders", "show", number, "--json").stdout))
