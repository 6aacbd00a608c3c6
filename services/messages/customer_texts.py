"""Texts to customers: recorded before they are sent, counted, and looked up before a repeat.

A vendor's answer may be lost. Then the text is looked up by our id; if the vendor cannot tell what became of it, what
the customer has to know is sent again, and everything else is not.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from billing.errors import NumberRefused, TextRefused, TextsHeld, TextsUnavailable, TextUnknown
from billing.keys import text_id
from billing.period import Period
from billing.reviewers.text_alerts import of_texts_held
from billing.texts.numbers import asking_for_number
from billing.texts.ports import TextLimits, TextStore
from billing.texts.segments import measure
from billing.texts.text import Micros, TextFacts, TextKind, TextReport, TextRow, Texts, TextStatus
from services.alerts import Alerts
from services.effects import log_effect
from wording.texts import TextWording

_SENDING = timedelta(minutes=1)
"""How long a process may take to send a text before another one looks it up."""
_HAND_OVER_SECONDS = 20.0
"""How old a record may be when its text is handed over: a process that was suspended leaves it to another."""
_HELD_AT_MOST = timedelta(hours=3)
_REPEATED = (TextKind.BILL, TextKind.WARNING, TextKind.SUSPENDED)
"""Better twice than not at all; a reminder's next step comes anyway."""

_log = logging.getLogger(__name__)


class TextPrice(Protocol):
    """What a segment costs, and what a day may."""

    @property
    def price_micros(self) -> Micros: ...
    @property
    def currency(self) -> str: ...
    @property
    def limits(self) -> TextLimits: ...


class CustomerTexts:
    """``price`` is what the vendor takes for a segment, until it says so itself."""

    def __init__(
        self,
        vendor: Texts,
        ledger: TextStore,
        wording: TextWording,
        price: TextPrice,
        alerts: Alerts,
        now: Callable[[], datetime],
    ) -> None:
        self._vendor = vendor
        self._ledger = ledger
        self._wording = wording
        self._price = price
        self._alerts = alerts
        self._now = now

    async def send(
        self, kind: TextKind, customer_id: str, to: str, about: str, facts: TextFacts, period: Period | None = None
    ) -> None:
        """Sends a text to the number ``to``, once for its kind, customer, period and ``about``.

        Raises ``TextRefused`` if the number or text is refused for good. ``TextUnknown``, ``TextsUnavailable`` and
        ``TextsHeld`` say that it is to be called again.
        """
        await self.send_body(kind, customer_id, to, about, self._wording.text(kind, facts), period)

    async def send_body(
        self,
        kind: TextKind,
        customer_id: str,
        to: str,
        about: str,
        body: str,
        period: Period | None = None,
        message_id: str = "",
    ) -> None:
        """As ``send``, with words of somebody's own; a ``message_id`` names it instead, whoever's the number is."""
        began, now = time.monotonic(), self._now()
        segments = measure(body).segments
        row = TextRow(
            message_id=message_id or id_of_text(kind, customer_id, period, about, to),
            kind=kind,
            customer_id=customer_id,
            period=period,
            recipient=to,
            body=body,
            segments=segments,
            cost_micros=segments * self._price.price_micros,
            currency=self._price.currency,
            vendor=self._vendor.name,
            status=TextStatus.SENDING,
            began_at=now,
            tried_at=now,
            at=now,
        )
        before = await self._begin(row)
        if before is None or before.status is TextStatus.WAITING:
            await self._hand_over(before or row, began)
        elif before.status is TextStatus.SENDING:
            await self._resolve(before, began)
        elif before.status is TextStatus.FAILED and before.vendor_id is None:
            raise TextRefused(f"{_name(row)} was refused before: {before.code}")

    async def take(self, message_id: str, report: TextReport) -> None:
        """Takes a vendor's report; after a failure somebody has to ask for a number that works."""
        await self._ledger.take_report(message_id, report, self._now())

    async def _begin(self, row: TextRow) -> TextRow | None:
        try:
            return await self._ledger.begin_text(row, self._price.limits, row.tried_at - _SENDING)
        except TextsHeld as held:
            await self._alerts.tell(of_texts_held(row.began_at.date(), row.began_at))
            held.retry_after = _until_free(row)
            raise

    async def _resolve(self, row: TextRow, began: float) -> None:
        """What became of it is not known, because an answer was lost or a process has died."""
        try:
            if row.vendor != self._vendor.name:
                raise TextUnknown(f"{row.vendor} had it")
            report = await self._vendor.look_up(row.outgoing, row.began_at)
        except TextUnknown as error:
            if row.kind in _REPEATED:
                await self._hand_over(row, began)
                return
            _log.warning("%s is not repeated, though it is not known whether it was sent: %s", _name(row), error)
            await self._ledger.close_text(row.message_id, TextStatus.UNKNOWN, self._now())
        else:
            if report is None:
                await self._hand_over(row, began)
            else:
                await self.take(row.message_id, report)

    async def _hand_over(self, row: TextRow, began: float) -> None:
        if time.monotonic() - began > _HAND_OVER_SECONDS:
            raise TextsUnavailable(f"{_name(row)}: this worker was suspended; it is tried again")
        try:
            report = await self._vendor.send(row.outgoing)
        except TextRefused as error:
            now, is_number = self._now(), isinstance(error, NumberRefused)
            task = asking_for_number(row, str(error), now) if is_number else None
            await self._ledger.close_text(row.message_id, TextStatus.FAILED, now, str(error)[:100], task)
            raise type(error)(f"{_name(row)}: {error}") from None
        except TextsUnavailable as error:
            await self._ledger.close_text(row.message_id, TextStatus.WAITING, self._now())
            raise TextsUnavailable(f"{_name(row)}: {error}") from None
        except TextUnknown as error:
            doubt = TextUnknown(f"{_name(row)}: {error}")
            doubt.retry_after = _SENDING
            raise doubt from None
        await self.take(row.message_id, report)
        log_effect(_log, "texted", row.customer_id, row.period, f"{row.kind} by {self._vendor.name}")


def about_step(number: str, position: int) -> str:
    """What a text is about that tells of a step: the ``position``-th that the order has begun."""
    return f"order {number} {position}"


def is_about(row: TextRow, about: str) -> bool:
    """Whether the text was sent ``about`` that; not known any more of a person who was erased."""
    return row.message_id == id_of_text(row.kind, row.customer_id, row.period, about, row.recipient)


def id_of_text(kind: TextKind, customer_id: str, period: Period | None, about: str, to: str) -> str:
    """Names the text in all repeats."""
    return text_id(kind, customer_id, period or "", f"{about}|{to}")


def _until_free(row: TextRow) -> timedelta:
    """Until the next day in UTC, and a share of half an hour, so that not all come back at once."""
    tomorrow = (row.began_at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    share = timedelta(seconds=int(row.message_id[:4], 16) % 1800)
    return min(tomorrow - row.began_at, _HELD_AT_MOST) + share


def _name(row: TextRow) -> str:
    return f"the {row.kind} text of {row.customer_id}{f', {row.period}' if row.period else ''}"
