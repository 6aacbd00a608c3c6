"""A procedure as the office has it on paper, read anew: where each step leads, and what must have come before it.

By plain data and by other code than the product's.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

Known = Mapping[str, object]
"""Values by name: ``category`` of the request, ``feasibility.possible`` of a form; "yes" and "no" are bools."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ANSWERS = {"yes": True, "no": False}


class Plan:
    """``steps`` in their order, by name."""

    def __init__(self, procedure: dict[str, Any]) -> None:
        self.steps: dict[str, dict[str, Any]] = {step["name"]: step for step in procedure["steps"]}
        self._procedure = procedure
        self._order = list(self.steps)

    @property
    def beginning(self) -> str:
        return self._order[0]

    @property
    def reopened_at(self) -> str | None:
        reopens = self._procedure["reopens"]
        return str(reopens["step"]) if reopens else None

    def kind(self, step: str) -> str:
        return str(self.steps[step]["kind"])

    def after(self, step: str, known: Known) -> str:
        return _taken(self.steps[step]["next"], known)

    def undone_at(self, known: Known) -> str:
        """Where a cancelled order goes on."""
        return _taken(self._procedure["undo"], known)

    def may_be_cancelled(self, step: str) -> bool:
        until = self._procedure["cancel_until"]
        return until is None or self._order.index(step) <= self._order.index(until)

    def fee_minor(self, step: str, currency: str) -> int | None:
        """What a payment step asks for; None: it asks for no fee."""
        fees = {fee["code"]: fee["amount"] for fee in self._procedure["fees"]}
        amounts = fees.get(self.steps[step].get("fee"))
        return next(each["amount_minor"] for each in amounts if each["currency"] == currency) if amounts else None

    def expires(self, step: str) -> timedelta | None:
        """How long a payment step waits at most."""
        span = self.steps[step]["expires"]
        return timedelta(**{_UNITS[span[-1]]: int(span[:-1])}) if span else None

    def needs(self, step: str) -> list[str]:
        """The tasks and payments without which nothing leads to ``step``."""
        waiting = (name for name in self._order if self.kind(name) in ("task", "payment") and name != step)
        return [name for name in waiting if step not in self._reached_without(name)]

    def departments(self, step: str) -> set[str]:
        """Whose task it may be: the second one's, if it was late."""
        of = self.steps[step]
        return {name for name in (of.get("department") or of.get("asks"), of.get("escalates_to")) if name}

    def _reached_without(self, left_out: str) -> set[str]:
        reached, waiting = set[str](), [self.beginning]
        while waiting:
            step = waiting.pop()
            if step != left_out and step not in reached:
                reached.add(step)
                waiting += [branch["go"] for branch in self.steps[step].get("next", ())]
        return reached


def answers(step: str, typed: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """What a form says, by the names of values."""
    for name, text in typed.items():
        yield f"{step}.{name}", _ANSWERS.get(text, text)


def _taken(branches: list[dict[str, Any]], known: Known) -> str:
    """The first branch whose conditions hold."""
    for branch in branches:
        if all(known.get(name) in _exactly(known.get(name), wanted) for name, wanted in branch["when"].items()):
            return str(branch["go"])
    raise AssertionError(f"no branch of {branches} fits")


def _exactly(value: object, wanted: list[object]) -> list[object]:
    """Those of its type: ``True`` is no 1."""
    return [each for each in wanted if type(each) is type(value)]
