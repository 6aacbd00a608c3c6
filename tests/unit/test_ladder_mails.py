"""What mails say on a ladder: before a bill is due, and when a card is tried again."""

from adapters.mail.mail_templates import render
from billing.collections.collection import Collection
from billing.customers.ladder import parse_ladder
from billing.invoices.commands import Delivered
from billing.mails.mail import CustomerMailKind
from billing.payments.methods import BillPayer
from tests.unit.letters import DAY, LINK, POOR, announced, letter, words


def test_reminder_of_a_bill_that_is_due_in_three_days_says_so() -> None:
    month = announced(payment_method=BillPayer())
    billed = month.delivered(Delivered(at=month.notice_at))
    collection = Collection.open(billed, parse_ladder("-3 remind, 1 remind"))
    early = collection.contacting(collection.since - 3 * DAY)
    reminder = letter(CustomerMailKind.REMINDER, billed, collection=early, link=LINK)
    for part in words(render(reminder)):
        assert "is due on 8 November 2026" in part
        assert "due since" not in part.lower()
    late = early.reminded(collection.since - 3 * DAY).contacting(collection.since + DAY)
    reminder = letter(CustomerMailKind.REMINDER, billed, collection=late, link=LINK)
    assert "has been due since 8 November 2026" in words(render(reminder))[0]


def test_reminder_names_the_day_of_the_next_try_and_not_of_the_next_warning() -> None:
    collection = Collection.open(POOR, parse_ladder("1 remind, 3 warn, 5 try, 9 suspend"))
    begun = collection.contacting(collection.since + DAY)
    reminder = letter(CustomerMailKind.REMINDER, POOR, collection=begun, link=LINK)
    day = collection.since + 5 * DAY
    assert f"try the same card again on {day:%-d %B %Y}" in words(render(reminder))[0]


def test_reminder_promises_no_try_that_no_rung_makes() -> None:
    collection = Collection.open(POOR, parse_ladder("1 remind, 3 warn, 9 suspend"))
    begun = collection.contacting(collection.since + DAY)
    reminder = letter(CustomerMailKind.REMINDER, POOR, collection=begun, link=LINK)
    assert "try the same card again" not in words(render(reminder))[0]


def test_mail_about_a_failed_charge_names_the_day_on_which_the_ladder_tries_again() -> None:
    collection = Collection.open(POOR, parse_ladder("2 remind, 6 try"))
    declined = letter(CustomerMailKind.DECLINE, POOR, collection=collection, link=LINK)
    day = collection.since + 6 * DAY
    assert f"try again on {day:%-d %B %Y}" in words(render(declined))[0]
