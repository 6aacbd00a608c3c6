"""Payment links whose answers or events are lost: no second page is opened, and no payment is missed."""

from datetime import timedelta

import pytest

from billing.errors import NotFound, PaymentUnknown
from billing.payments.checkouts import CheckoutState
from billing.receivables.journal import Subject
from services.checkouts import LOOK_AFTER
from tests.contract.checkout_fixtures import NOW, SESSIONS, Company, company
from tests.contract.journal_fixtures import announced, drafted
from tests.contract.ledger_fixtures import NOVEMBER
from tests.contract.payment_fixtures import gateway, stripe

__all__ = ["company", "gateway", "stripe"]  # fixtures


async def test_a_lost_answer_opens_no_second_page(company: Company) -> None:
    await company.stripe.fails("drop_after", SESSIONS, method="POST")
    with pytest.raises(PaymentUnknown):
        await company.open()
    link = await company.open()
    assert [session["url"] for session in await company.at_stripe()] == [link.url]


async def test_a_link_that_was_begun_and_never_asked_for_is_given_up_later(company: Company) -> None:
    await company.stripe.fails("drop_before", SESSIONS, method="POST")
    with pytest.raises(PaymentUnknown):
        await company.open()
    await company.checkouts.sweep(NOW + LOOK_AFTER)
    assert await company.ledger.live_checkouts() == []
    assert (await company.open()).state is CheckoutState.OPEN


async def test_a_page_whose_answer_was_lost_is_found_and_ended_by_the_sweep(company: Company) -> None:
    await company.stripe.fails("drop_after", SESSIONS, method="POST")
    with pytest.raises(PaymentUnknown):
        await company.open()
    await company.checkouts.sweep(NOW + LOOK_AFTER)
    assert [link.state for link in await company.ledger.live_checkouts()] == [CheckoutState.OPEN]
    await company.transfer(1000)
    await company.checkouts.sweep(NOW + LOOK_AFTER)
    assert await company.at_stripe() == []


async def test_a_payment_whose_event_is_lost_is_found_within_minutes(company: Company) -> None:
    link = await company.open()
    await company.pay(link)
    await company.checkouts.sweep(NOW + LOOK_AFTER - timedelta(seconds=1))
    assert await company.by_link() == []
    await company.checkouts.sweep(NOW + LOOK_AFTER)
    assert await company.by_link() == [1000]


async def test_a_link_that_cannot_be_looked_up_holds_up_no_other(company: Company) -> None:
    link = await company.open()
    other_month = announced(drafted(700, period=NOVEMBER.next()))
    await company.ledger.record(other_month, other_month.notice_at)
    request = company.request.evolve(subject=Subject.month(NOVEMBER.next()))
    other = await company.checkouts.open(request, NOW)
    await company.pay(other)
    await company.stripe.fails("status", f"sessions/{link.session_id}", status=500, times=None)
    await company.checkouts.sweep(NOW + LOOK_AFTER)
    assert await company.by_link() == [700]


async def test_a_page_of_another_account_blocks_until_it_must_be_over(company: Company) -> None:
    await company.open()
    await company.stripe.fails("status", "sessions/cs", status=404, times=2)
    with pytest.raises(NotFound, match="not in this Stripe account"):
        await company.open()
    await company.checkouts.sweep(NOW + timedelta(days=3))
    assert await company.ledger.live_checkouts() == []
