"""Work on many items, where the failure of one does not stop the rest. An outage of what all of them need does."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

from billing.errors import AlertUnavailable, BillingError, LedgerUnavailable, RowUnreadable, TemporalUnavailable
from billing.model import Model, Words
from billing.validation import plain

_CHARACTERS = 300
_DOWN = (LedgerUnavailable, TemporalUnavailable, AlertUnavailable)

S = TypeVar("S")
T = TypeVar("T")


class Failed(Model):
    """An item that failed, and why. ``customer_id`` may name a registration or an event instead of a customer."""

    customer_id: Words
    reason: Words
    email: Words = ""


def why(error: Exception) -> str:
    """The reason for one item's failure, in one line; for an unforeseen error, also where it was raised.

    Raises ``error`` again if it concerns every item: the ledger, Temporal or the alert service is down.
    """
    if isinstance(error, _DOWN) and not isinstance(error, RowUnreadable):
        raise error
    if isinstance(error, BillingError):
        return str(error)
    text = plain(error)
    places = extract_tb(error.__traceback__)
    place = f" ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {' '.join(text.split())[:_CHARACTERS]}{place}; tell the developers"


def apart(names: Sequence[str], read: Callable[[Sequence[str]], Sequence[T]]) -> list[T | Failed]:
    """Reads all ``names`` at once; if that fails, one at a time, with a ``Failed`` for each that cannot be read."""
    try:
        return list(read(names))
    except Exception as error:
        why(error)
    items: list[T | Failed] = []
    for name in names:
        try:
            items += read([name])
        except Exception as error:
            items.append(Failed(customer_id=name, reason=why(error)))
    return items


async def in_turn(items: Iterable[S], work: Callable[[S], Awaitable[T]]) -> tuple[list[T], list[Exception]]:
    """The results of ``work`` on each item, and the errors of those that failed: raise one once the rest is used."""
    results: list[T] = []
    errors: list[Exception] = []
    for item in items:
        try:
            results.append(await work(item))
        except Exception as error:
            why(error)
            errors.append(error)
    return results, errors
