"""Defects of what subscribers meet, planted into the real application: each function breaks one thing."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pytest

from adapters.provisioning.http_provisioning import HttpProvisioning
from adapters.sms.smsc import Smsc
from adapters.sql.subscribers import restore, services
from billing.collections import on_ladder
from billing.collections.on_ladder import OnLadder
from billing.customers.ladder import Rung, tries_on
from billing.events.verdicts import Verdict
from billing.tariffs.spans import Span
from billing.texts.text import OutgoingText, TextKind, TextReport, TextRow
from services.messages.customer_messages import CustomerMessages
from services.messages.customer_texts import CustomerTexts
from tests.bed import Bed


def suspends_who_has_paid(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Nobody looks at the ledger once more."""
    patch.setattr(services, "_require_debt", lambda connection, customer_id, at: None)


def restores_with_the_first_payment(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Whatever is still overdue."""
    patch.setattr(restore, "overdue", lambda balance, at: {})


def restores_nothing(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(restore, "restored", lambda services, key, at: ())


def walks_two_ladders(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """The days of the terms go on beside the ladder."""

    def both(self: OnLadder) -> tuple[Rung, ...]:
        return tuple(sorted((*self.ladder, *tries_on(self.customer.terms.dunning_days)), key=lambda rung: rung.day))

    patch.setattr(OnLadder, "rungs", property(both))
    patch.setattr(on_ladder, "_BETWEEN_CONTACTS", on_ladder._BETWEEN_CONTACTS * 0)


def sends_texts_again_unseen(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """After an answer that was lost, without looking the text up."""

    async def again(self: CustomerTexts, row: TextRow, began: float) -> None:
        await self._hand_over(row, began)

    patch.setattr(CustomerTexts, "_resolve", again)


def sends_texts_that_are_not_on_record(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    send = Smsc.send

    async def another(self: Smsc, text: OutgoingText) -> TextReport:
        await send(self, text.evolve(message_id=f"{text.message_id[:-4]}more"))
        return await send(self, text)

    patch.setattr(Smsc, "send", another)


def forgets_contact_hours(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    def at_once(self: OnLadder, at: datetime) -> datetime:
        return at

    patch.setattr(OnLadder, "in_hours", at_once)


def tells_bills_by_mail_only(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    usable = CustomerMessages._usable

    def without_texts(self: CustomerMessages, kind: TextKind, customer: Any) -> Any:
        return usable(self, kind, customer)[1:] if kind is TextKind.BILL else usable(self, kind, customer)

    patch.setattr(CustomerMessages, "_usable", without_texts)


def loses_a_prorated_day(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """The first one of each line."""
    days = Span.days

    def shorter(self: Span, suspended: Any) -> list[date]:
        return days(self, suspended)[1:]

    patch.setattr(Span, "days", shorter)


def takes_an_error_inside_for_a_success(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    tell = HttpProvisioning.tell

    async def credulous(self: HttpProvisioning, event_id: str, payload: Mapping[str, object]) -> Verdict:
        return (await tell(self, event_id, payload)).evolve(accepted=True)

    patch.setattr(HttpProvisioning, "tell", credulous)
