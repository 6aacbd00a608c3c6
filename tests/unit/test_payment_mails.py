"""What customers read after a charge: the receipt, or why it failed, what to do, and the reminders until it is paid."""

import re
from datetime import UTC, datetime

import pytest

from adapters.mail.mail_templates import render
from billing.collections.stages import Purpose, Release
from billing.customers.customer import Terms
from billing.invoices.month import Month
from billing.mails.mail import CustomerMailKind
from billing.payments.payment import ChargeResult, ChargeStatus
from tests.debts import only, with_fields
from tests.unit.letters import (
    EVERY_COLLECTION,
    EVERY_LETTER,
    LINK,
    PAID_AT,
    POOR,
    announced,
    charged,
    contacted,
    declined,
    mail,
    recovered,
    reminder,
    words,
)


def test_receipt_tells_amount_date_card_payment_and_lines() -> None:
    for part in words(mail(*EVERY_LETTER["receipt"])):
        assert "Receipt for October 2026" in part
        assert "Amount paid €120.00" in part
        assert "Paid on Wednesday, 4 November 2026, 10:00 Paris time" in part
        assert "ending in 4242" in part
        assert "pi_1" in part
        assert "Beans" in part


@pytest.mark.parametrize(
    ("code", "decline_code", "told"),
    [
        ("card_declined", "insufficient_funds", "not enough money"),
        ("expired_card", "", "has expired"),
        ("expired_card", "expired_card", "has expired"),
        ("processing_error", "", "technical problem"),
        ("card_declined", "a_code_of_next_year", "Only your bank can tell you why"),
    ],
)
def test_decline_is_told_in_plain_words(code: str, decline_code: str, told: str) -> None:
    month = charged(ChargeStatus.DECLINED, code=code, decline_code=decline_code)
    rendered = mail(CustomerMailKind.DECLINE, month)
    for part in (*words(rendered), rendered.html):
        assert told in part
        assert "We will be in touch" in part
        assert "_" not in re.sub(r"<[^>]*>", "", part)


def test_stolen_card_reads_like_any_unexplained_decline() -> None:
    unexplained = mail(CustomerMailKind.DECLINE, charged(ChargeStatus.DECLINED, code="card_declined"))
    for secret in ("lost_card", "stolen_card", "pickup_card", "fraudulent", "restricted_card", "merchant_blacklist"):
        month = charged(
            ChargeStatus.DECLINED, code="card_declined", decline_code=secret, advice_code="do_not_try_again"
        )
        assert mail(CustomerMailKind.DECLINE, month) == unexplained


@pytest.mark.parametrize(
    ("name", "told"), [("authentication", "how to confirm the payment"), ("needs card", "how to register a new card")]
)
def test_customer_learns_what_to_do_and_that_no_money_was_taken(name: str, told: str) -> None:
    for part in words(mail(*EVERY_LETTER[name])):
        assert told in part
        assert "reply to this mail" in part
        assert "o money has been taken" in part
        assert "http" not in part


@pytest.mark.parametrize(
    ("month", "action", "told"),
    [
        (POOR, "Pay or use another card", "We will try again on 7 November 2026: you need not do anything"),
        (declined("new_code"), "Pay or use another card", "What to do: pay now, or use another card"),
        (declined("expired_card"), "Register a new card", "The card has expired."),
        (charged(ChargeStatus.NEEDS_CARD), "Register a new card", "We will charge €120.00 to it at once"),
        (charged(ChargeStatus.AUTHENTICATION_REQUIRED), "Confirm the payment", "only once you have done so"),
        (declined("authentication_required"), "Confirm the payment", "Please confirm your payment"),
    ],
)
def test_link_is_named_by_what_it_helps_to_do(month: Month, action: str, told: str) -> None:
    rendered = mail(CustomerMailKind.DECLINE, month, link=LINK)
    assert f"\n{action}:\n{LINK}\n" in rendered.text
    assert re.search(rf'<a class="button" href="{re.escape(LINK)}"[^>]*>{action}</a>', rendered.html)
    for part in words(rendered):
        assert told in part
        assert "o money has been taken" in part


def test_day_of_the_next_try_is_the_customers_own() -> None:
    late = datetime(2026, 11, 8, 23, 30, tzinfo=UTC)
    poor = ChargeResult(status=ChargeStatus.DECLINED, at=late, decline_code="insufficient_funds")
    month = announced().charged(poor)
    for part in words(mail(CustomerMailKind.DECLINE, month, link=LINK)):
        assert "We will try again on 12 November 2026" in part


def test_no_try_is_promised_to_those_who_are_not_tried_again() -> None:
    agreed = POOR.evolve(customer=POOR.customer.evolve(terms=Terms(dunning_days=())))
    for month in (agreed, declined("lost_card"), declined("new_code"), charged(ChargeStatus.NEEDS_CARD)):
        for part in words(mail(CustomerMailKind.DECLINE, month, link=LINK)):
            assert "try again" not in part


@pytest.mark.parametrize("secret", ["lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"])
def test_stolen_card_reads_like_any_that_is_of_no_use_any_more(secret: str) -> None:
    assert mail(CustomerMailKind.DECLINE, declined(secret), link=LINK) == mail(
        CustomerMailKind.DECLINE, declined("invalid_account"), link=LINK
    )
    assert render(reminder(declined(secret))) == render(reminder(declined("invalid_account")))


def test_reminder_tells_what_is_owed_since_when_what_was_tried_and_when_it_is_tried_again() -> None:
    rendered = render(reminder(POOR))
    assert rendered.subject == "Reminder: please pay for October 2026: €120.00"
    for part in words(rendered):
        assert "Your payment of €120.00 for October 2026 has been due since 4 November 2026." in part
        assert "We last tried your card on 7 November 2026. Your bank says that there is not enough money" in part
        assert "We will try the same card again on 9 November 2026." in part
        assert "last reminder" not in part
        assert LINK in part


def test_reminder_of_several_months_lists_each_with_their_sum_and_one_link() -> None:
    rendered = render(EVERY_COLLECTION["reminder of several, one by transfer"])
    assert rendered.subject == "Reminder: please pay for 2 months: €150.00"
    for part in words(rendered):
        assert "October 2026, due since 4 November 2026" in part
        assert "November 2026, due since 4 November 2026" in part
        assert "€150.00 in all" in part
        assert "Please transfer the rest for November 2026, with the reference" in part
        assert "We will try the same card again on 9 November 2026." in part
        assert "Beans" not in part
    assert rendered.text.count(LINK) == 1


def test_reminder_does_not_call_a_look_up_a_try() -> None:
    collection = contacted(POOR)
    answer = only(collection).answer
    assert answer is not None
    looked = collection.to_look_up(collection.period)
    looked = looked.answered(answer.evolve(at=PAID_AT), looked)
    for part in words(mail(CustomerMailKind.REMINDER, POOR, collection=looked, link=LINK)):
        assert "We last tried your card on 7 November 2026" in part


@pytest.mark.parametrize("month", [POOR, declined("lost_card"), charged(ChargeStatus.AUTHENTICATION_REQUIRED)])
def test_last_reminder_says_so(month: Month) -> None:
    for days in (7, 14):
        for part in words(render(reminder(month, days=days))):
            assert ("This is our last reminder" in part) == (days == 14)
            assert days != 14 or "try the same card" not in part


def test_reminder_goes_by_the_customer_as_known_now() -> None:
    collection = contacted(POOR)
    renewed = collection.customer.payment_method.evolve(last4="1881")
    collection = collection.evolve(customer=collection.customer.evolve(name="Rosa Berg", payment_method=renewed))
    for part in words(mail(CustomerMailKind.REMINDER, POOR, collection=collection, link=LINK)):
        assert "Hello Rosa Berg," in part
        assert "ending in 1881" in part


def test_reminder_of_the_rest_asks_for_a_transfer_and_has_no_link() -> None:
    rendered = render(EVERY_COLLECTION["bank reminder"])
    assert rendered.subject == "Please transfer €115.00 for October 2026"
    for part in words(rendered):
        assert "please transfer €115.00 with the reference bakery-rosa, 2026-10" in part
        assert "Received €5.00" in part
        assert "http" not in part
        assert "4242" not in part


def test_receipt_of_a_recovered_month_tells_when_and_by_which_card_it_was_paid() -> None:
    for part in words(render(EVERY_COLLECTION["receipt of a card"])):
        assert "We have received your payment of €120.00 for October 2026, which is now paid in full" in part
        assert "Paid on Monday, 30 November 2026, 13:00 Paris time" in part
        assert "Card ending in 4242" in part
        assert "pi_1" in part
        assert "http" not in part


def test_receipt_of_transfers_names_no_card() -> None:
    for part in words(render(EVERY_COLLECTION["receipt of transfers"])):
        assert "We have received your payment of €120.00 for October 2026, which is now paid in full" in part
        assert "4242" not in part


def test_receipt_admits_that_something_was_paid_twice() -> None:
    collection = with_fields(contacted(POOR), release=Release(by="billing", reason="bank", purpose=Purpose.COUNT))
    for part in words(mail(CustomerMailKind.RECEIPT, POOR, collection=recovered(collection, PAID_AT))):
        assert "Your card was charged, and money has also arrived in another way." in part
