"""Three customers, of whom bolt fails."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from tests.bed import OCTOBER, Bed

NAMES = ("acme", "bolt", "coal")


def failing(original: Callable[..., Any], is_bolt: Callable[..., bool]) -> Callable[..., Any]:
    """``original``, which raises an error for bolt."""

    @functools.wraps(original)
    def called(*arguments: Any, **options: Any) -> Any:
        if is_bolt(*arguments, **options):
            raise RuntimeError("unforeseen")
        return original(*arguments, **options)

    return called


def bolt_fails(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Whenever bolt is in the arguments, by id or email."""
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), lambda *all, **named: "bolt" in f"{all}{named}"))


async def monitored(bed: Bed) -> None:
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Tea") for name in NAMES))
    for name in NAMES:
        await bed.start(await bed.customer(name), OCTOBER)
    for name in NAMES:
        await bed.drafted(name, OCTOBER)
