"""Many are done together, and one who fails does not stop the others: who, and why. What is down ends all of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

from pydantic import ValidationError

from billing.errors import AlertUnavailable, BillingError, LedgerUnavailable, RowUnreadable, TemporalUnavailable
from billing.model import Model, Words
from billing.validation import explain

_CHARACTERS = 300
_DOWN = (LedgerUnavailable, TemporalUnavailable, AlertUnavailable)

T = TypeVar("T")


class Failed(Model):
    """One of many who could not be done, and why. ``email`` is the customer's, as far as it is known.

    ``customer_id`` is another name where it is not about customers: of a registration, or an event.
    """

    customer_id: Words
    reason: Words
    email: Words = ""


def why(error: Exception) -> str:
    """What to say of one of many, in one line; of an error that nobody has foreseen, also where it happened.

    Raises ``error`` again if it is not about the one, but about what all of them need: the ledger or Temporal is down.
    """
    if isinstance(error, _DOWN) and not isinstance(error, RowUnreadable):
        raise error
    if isinstance(error, BillingError):
        return str(error)
    text = explain(error) if isinstance(error, ValidationError) else str(error)  # whose own text shows what is in it
    places = extract_tb(error.__traceback__)
    place = f" ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {' '.join(text.split())[:_CHARACTERS]}{place}; tell the developers"


def apart(names: Sequence[str], read: Callable[[Sequence[str]], Sequence[T]]) -> list[T | Failed]:
    """``read`` of all of them; if one of them makes that fail, of each alone."""
    try:
        return list(read(names))
    except Exception as error:
        why(error)
    found: list[T | Failed] = []
    for name in names:
        try:
            found += read([name])
        except Exception as error:
            found.append(Failed(customer_id=name, reason=why(error)))
    return found
