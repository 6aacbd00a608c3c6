"""The ladder: what follows, day by day, while a bill is not paid, up to the end of the service.

    parse_ladder("-3 remind sms, 1 remind sms+mail, 7 warn sms, 14 suspend, 30 disconnect")

Days count from the oldest due date of the customer's account. Imported by a customer's terms, so it knows of no
collection; ``collection_state.py`` walks it.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationError

from billing.customers.channels import Channel
from billing.errors import InvalidInput
from billing.model import Model
from billing.validation import explain

RUNGS_MAX = 20
_TEXT_MAX = 1000  # characters
TRIES_MAX = 7
EXAMPLE = "-3 remind sms, 1 remind sms+mail, 7 warn sms, 14 suspend, 30 disconnect"
_RUNG = re.compile(r"([+-]?\d{1,3}) +([a-z]+)(?: +([a-z+]+))?", re.ASCII)


class RungAction(StrEnum):
    TRY = "try"  # charge the card where that may help; remind the customer if it did not
    REMIND = "remind"
    WARN = "warn"  # of the next restriction, and when it comes
    LIMIT = "limit"
    SUSPEND = "suspend"
    DISCONNECT = "disconnect"  # a task: people do it

    @property
    def restricts(self) -> bool:
        return self in _RESTRICTIONS

    @property
    def reminds(self) -> bool:
        """Whether it threatens nothing: of several that were missed, only the last is made up for."""
        return self in (RungAction.TRY, RungAction.REMIND)

    def covers(self, other: "RungAction") -> bool:
        """Whether this restriction includes ``other``."""
        return _RESTRICTIONS.index(self) >= _RESTRICTIONS.index(other)


_RESTRICTIONS = (RungAction.LIMIT, RungAction.SUSPEND, RungAction.DISCONNECT)


class Rung(Model, extra="forbid"):
    """``by``: the channels of its message; none: those by which bills go."""

    day: int = Field(ge=-28, le=180)
    action: RungAction
    by: tuple[Channel, ...] = Field((), max_length=len(Channel))

    @property
    def text(self) -> str:
        return " ".join(filter(None, (str(self.day), self.action, "+".join(self.by))))


def _parsed(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _rungs_of(value)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


def _checked(rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
    days = [rung.day for rung in rungs]
    if days != sorted(set(days)):
        raise ValueError("each rung needs a later day than the one before")
    if sum(rung.action is RungAction.TRY for rung in rungs) > TRIES_MAX:
        raise ValueError(f"a card is tried on up to {TRIES_MAX} days")
    for rung in rungs:
        _check_day(rung)
    _check_restrictions(rungs)
    return rungs


def _check_day(rung: Rung) -> None:
    if rung.day < 1 and (rung.action is RungAction.TRY or rung.action.restricts):
        raise ValueError(f"{rung.text!r} comes before anything is overdue; its first day is 1")


def _check_restrictions(rungs: tuple[Rung, ...]) -> None:
    warned, before = False, list[RungAction]()
    for rung in rungs:
        warned = warned or rung.action is RungAction.WARN
        if not rung.action.restricts:
            continue
        if not warned:
            raise ValueError(f"{rung.text!r} needs a warning on an earlier day, such as '{rung.day - 7} warn'")
        if before and before[-1].covers(rung.action):
            raise ValueError(
                f"{rung.text!r} comes after {before[-1]}; the order is limit, suspend, disconnect, once each"
            )
        before.append(rung.action)
    if before and before[-1] is RungAction.DISCONNECT and RungAction.SUSPEND not in before:
        raise ValueError("disconnect needs a suspend on an earlier day")
    last = [rung for rung in rungs if rung.action.restricts or rung.action is RungAction.WARN][-1:]
    if last and last[0].action is RungAction.WARN:
        raise ValueError(f"{last[0].text!r} warns of nothing; add what follows, or write remind")


def ladder_text(rungs: Iterable[Rung]) -> str:
    """The rungs as ``parse_ladder`` reads them."""
    return ", ".join(rung.text for rung in rungs)


Ladder = Annotated[
    tuple[Rung, ...],
    Field(max_length=RUNGS_MAX),
    BeforeValidator(_parsed),
    AfterValidator(_checked),
    PlainSerializer(ladder_text, when_used="json"),
]
"""Rungs in the order of their days, or their text, which they are in JSON."""


class _Rungs(Model):
    ladder: Ladder


def parse_ladder(text: str) -> tuple[Rung, ...]:
    """The rungs in ``text``, such as ``7 warn sms, 14 suspend``. Raises ``InvalidInput``, which says what is wrong."""
    try:
        return _Rungs.model_validate({"ladder": text}).ladder
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def tries_on(days: Iterable[int]) -> tuple[Rung, ...]:
    """The ladder of a customer who has none: the card is tried on these days, and the customer reminded."""
    return tuple(Rung(day=day, action=RungAction.TRY) for day in days)


def _rungs_of(text: str) -> list[dict[str, object]]:
    if len(text) > _TEXT_MAX:
        raise InvalidInput(f"a ladder has up to {RUNGS_MAX} rungs, in {_TEXT_MAX} characters")
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    return [_rung_of(part) for part in parts]


def _rung_of(part: str) -> dict[str, object]:
    found = _RUNG.fullmatch(part)
    if found is None:
        raise InvalidInput(f"{part[:40]!r} is no rung; write day, action and channels, such as: {EXAMPLE}")
    day, action, channels = found.groups()
    if action not in list(RungAction):
        raise InvalidInput(f"{part!r}: {action} is no action; the actions are {', '.join(RungAction)}")
    by = channels.split("+") if channels else []
    if unknown := [name for name in by if name not in list(Channel)]:
        raise InvalidInput(f"{part!r}: {unknown[0]!r} is no channel; the channels are {', '.join(Channel)}")
    if len(set(by)) < len(by):
        raise InvalidInput(f"{part!r} names a channel twice")
    return {"day": int(day), "action": action, "by": by}
