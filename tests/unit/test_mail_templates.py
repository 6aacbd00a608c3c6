"""What customers and reviewers read: every line, the right amounts and dates, and nothing that typed text can forge."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.mail.mail_templates import MailContent, render
from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, decide
from billing.collections.stages import Received, Release
from billing.commands import parse_command
from billing.customers.customer import Customer, Terms
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.invoices.stages import Closed, Stage
from billing.invoices.versions import Correction, LineChange, difference
from billing.mails.mail import CustomerMail, CustomerMailKind
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from tests.debts import only, with_fields

NOTICE_AT = datetime(2026, 11, 4, 9, tzinfo=UTC)
NOW = NOTICE_AT
DAY = timedelta(days=1)
SALE = LineItem(line_id="row-2", description="Sale", amount_minor=100)
OTHER = SALE.evolve(description="Other")
LINK = f"https://billing.example.com/pay/payment1.bakery-rosa.2026-10.{'x' * 60}"


def customer(**changes: Any) -> Customer:
    return Customer(
        customer_id="bakery-rosa",
        email="rosa@example.com",
        name="Rosa Lind",
        currency="eur",
        timezone="Europe/Paris",
        payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1", last4="4242"),
    ).evolve(**changes)


def announced(
    *lines: tuple[str, int], carried_minor: int = 0, period: str = "2026-10", now: datetime = NOTICE_AT, **changes: Any
) -> Month:
    """A month whose notice is about to leave."""
    who = customer(**changes)
    invoice = Invoice(
        currency=who.currency,
        imported_at=now - timedelta(days=3),
        carried_minor=carried_minor,
        lines=tuple(
            LineItem(line_id=f"row-{number}", description=description, amount_minor=amount_minor)
            for number, (description, amount_minor) in enumerate(lines or [("Beans", 12_000)], start=2)
        ),
    )
    return Month.open(who, Period(period)).drafted(invoice).announcing(now)


def charged(status: ChargeStatus, **codes: str) -> Month:
    return announced().charged(ChargeResult(status=status, at=NOTICE_AT, **codes))


def declined(code: str) -> Month:
    return charged(ChargeStatus.DECLINED, code="card_declined", decline_code=code)


def letter(kind: CustomerMailKind, month: Month, **more: Any) -> CustomerMail:
    if kind is CustomerMailKind.WITHDRAWN:
        more.setdefault("correction", Correction(told_at=NOTICE_AT, told_minor=12_000))
    return CustomerMail(kind=kind, message_id="<1@billing>", to=month.customer.email, month=month, **more)


def mail(kind: CustomerMailKind, month: Month, **more: Any) -> MailContent:
    return render(letter(kind, month, **more))


def contacted(month: Month, days: int = 3) -> Collection:
    """What is collected of ``month``, when the schedule's last contact within ``days`` was made: nothing helped."""
    collection = Collection.open(month)
    for day in range(1, days + 1):
        now = only(collection).opened_at + day * DAY
        if collection.next_contact is not None and now >= collection.next_contact:
            collection = collection.contacting(now)
            if only(collection).attempt:
                answer = only(collection).answer
                assert answer is not None
                collection = collection.answered(answer.evolve(at=now), collection)
            collection = collection.reminded(now)
    return collection


def reminder(month: Month, days: int = 3, link: str = LINK) -> CustomerMail:
    return letter(CustomerMailKind.REMINDER, month, collection=contacted(month, days), link=link)


def several(month: Month, days: int = 3, transfer: bool = False) -> CustomerMail:
    """The reminder of a customer who owes November, too, perhaps because a part of it was transferred."""
    collection = Collection.open(month)
    other = only(collection).evolve(period=Period("2026-11"), amount_minor=3_000, by_card=not transfer)
    now = collection.since + days * DAY
    collection = collection.owing(other).contacting(now)
    while debt := collection.acting:
        assert debt.answer is not None
        collection = collection.answered(debt.answer.evolve(at=now), collection)
    return letter(CustomerMailKind.REMINDER, month, collection=collection, link=LINK)


def transferred(collection: Collection, *amounts: int) -> Collection:
    """After transfers, one a day, each known once the card cannot pay any more."""
    for number, amount_minor in enumerate(amounts, start=1):
        at = only(collection).opened_at + (30 + number) * DAY
        said = {"by": "ann", "reason": "bank", "reference": f"bank {number}", "amount_minor": amount_minor}
        command = parse_command("record_payment", [said], COLLECTION_COMMANDS)
        collection, _, refusal = decide(collection, command, at, "update")
        assert refusal is None
        collection = collection.answered(ChargeResult(status=ChargeStatus.CANCELED, at=at), collection)
    return collection


def recovered(collection: Collection, at: datetime) -> Collection:
    paid = ChargeResult(status=ChargeStatus.SUCCEEDED, at=at, payment_id="pi_1")
    return collection.answered(paid, collection, collection.period)


def words(rendered: MailContent) -> tuple[str, str]:
    """The words of the text part and of the HTML part, each on one line."""
    seen = re.sub(r"<(style|title).*?</\1>|<[^>]*>", " ", rendered.html, flags=re.DOTALL)
    return " ".join(rendered.text.split()), " ".join(html.unescape(seen).split())


EVERY_LETTER = {
    "notice": (CustomerMailKind.NOTICE, announced(("Beans", 12_000), ("Milk", 350))),
    "receipt": (CustomerMailKind.RECEIPT, charged(ChargeStatus.SUCCEEDED, payment_id="pi_1")),
    "decline": (CustomerMailKind.DECLINE, charged(ChargeStatus.DECLINED)),
    "authentication": (CustomerMailKind.DECLINE, charged(ChargeStatus.AUTHENTICATION_REQUIRED)),
    "needs card": (CustomerMailKind.DECLINE, charged(ChargeStatus.NEEDS_CARD)),
    "nothing due": (CustomerMailKind.NOTHING_DUE, announced(("Beans", 0))),
    "withdrawn": (CustomerMailKind.WITHDRAWN, announced().close(Stage.SKIPPED, NOTICE_AT)),
}
POOR = declined("insufficient_funds")
UNPAID = (ChargeStatus.DECLINED, ChargeStatus.AUTHENTICATION_REQUIRED, ChargeStatus.NEEDS_CARD)
PAID_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
EVERY_COLLECTION = {
    **{f"decline {status}": letter(CustomerMailKind.DECLINE, charged(status), link=LINK) for status in UNPAID},
    **{
        f"decline {code}": letter(CustomerMailKind.DECLINE, declined(code), link=LINK)
        for code in ("lost_card", "new_code")
    },
    **{f"reminder {status}": reminder(charged(status)) for status in UNPAID},
    **{f"reminder of several {status}": several(charged(status)) for status in UNPAID},
    "reminder of several, one by transfer": several(POOR, transfer=True),
    "reminder without a link": reminder(POOR, link=""),
    "last reminder": reminder(POOR, days=14),
    "bank reminder": letter(CustomerMailKind.REMINDER, POOR, collection=transferred(contacted(POOR), 500), link=LINK),
    "receipt of a card": letter(
        CustomerMailKind.RECEIPT, POOR, collection=recovered(contacted(POOR), PAID_AT), link=LINK
    ),
    "receipt of transfers": letter(
        CustomerMailKind.RECEIPT, POOR, collection=transferred(contacted(POOR), 500, 11_500)
    ),
}


@pytest.mark.parametrize("name", [*EVERY_LETTER, *EVERY_COLLECTION])
def test_both_parts_say_the_same(name: str) -> None:
    rendered = mail(*EVERY_LETTER[name]) if name in EVERY_LETTER else render(EVERY_COLLECTION[name])
    text, seen = (set(re.findall(r"\w+", part)) for part in words(rendered))
    assert text == seen - {"Description"} - ({"Amount"} - text)
    assert "\n" not in rendered.subject
    assert rendered.subject in html.unescape(rendered.html)
    lines = [line for line in rendered.text.splitlines() if not line.startswith(("http", "  python"))]
    assert max(map(len, lines)) <= 72


def test_notice_tells_every_line_the_carried_balance_total_date_and_card() -> None:
    month = announced(("Beans", 120_000), ("Returned cups", -550), carried_minor=1250)
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert rendered.subject == "Invoice for October 2026: €1,207.00 on 8 November 2026"
    for part in words(rendered):
        assert "Hello Rosa Lind," in part
        assert "Sunday, 8 November 2026, 10:00 Paris time (GMT+01:00)" in part
        assert "ending in 4242" in part
        assert "Reply to this mail before the charge date" in part
    assert rendered.text.split("\n\n")[3].splitlines() == [
        "€1,200.00  Beans",
        "   -€5.50  Returned cups",
        "   €12.50  Carried over from earlier months",
        "---------",
        "€1,207.00  Total",
    ]
    cells = [" ".join(row) for row in re.findall(r"<t[dh][^>]*>([^<]*)</td>\s*<td[^>]*>([^<]*)", rendered.html)]
    assert cells == ["Beans €1,200.00", "Returned cups -€5.50", "Carried over from earlier months €12.50"]


def test_credit_of_earlier_months_is_named_so() -> None:
    for part in words(mail(CustomerMailKind.NOTICE, announced(carried_minor=-2000))):
        assert "Credit from earlier months" in part
        assert "€100.00" in part


def test_unknown_card_is_not_made_up() -> None:
    unknown = announced(payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1"))
    for part in words(mail(CustomerMailKind.NOTICE, unknown)):
        assert "the one we have on file" in part


def test_corrected_notice_says_what_it_corrects_and_what_has_changed() -> None:
    month = announced()
    assert month.invoice is not None
    assert "replaces" not in mail(CustomerMailKind.NOTICE, month).subject
    first, *others = month.invoice.lines
    told = month.invoice.evolve(
        lines=(first.evolve(amount_minor=15_000), LineItem(line_id="row-99", description="Mistake", amount_minor=500))
    )
    changes = difference(told, month.invoice)
    correction = Correction(told_at=datetime(2026, 11, 1, 23, 30, tzinfo=UTC), told_minor=15_500, changes=changes)
    again = mail(CustomerMailKind.NOTICE, month, correction=correction)
    assert again.subject.startswith("Corrected invoice for October 2026 (replaces our earlier notice): €120.00 on ")
    for part in words(again):
        assert part.startswith("Corrected invoice for October 2026 (replaces our earlier notice)")
        assert "This corrects our notice of 2 November 2026; only this one counts." in part
        assert "The total is €120.00 instead of €155.00." in part
        assert f"Changed: {first.description}, " in part
        assert " instead of €150.00." in part
        assert "Removed: Mistake, €5.00." in part
        for line in others:
            assert f"Added: {line.description}, " in part


def test_corrected_notice_of_the_same_invoice_points_to_what_else_is_new() -> None:
    month = announced()
    same = Correction(told_at=NOW, told_minor=12_000, changes=())
    for part in words(mail(CustomerMailKind.NOTICE, month, correction=same)):
        assert "The invoice is the same; the charge date or the card is new." in part
    described = Correction(told_at=NOW, told_minor=12_000, changes=(LineChange(line_id="x", before=SALE, after=OTHER),))
    for part in words(mail(CustomerMailKind.NOTICE, month, correction=described)):
        assert "The total is still €120.00." in part
        assert "Changed: Other (before: Sale), €1.00." in part


def test_long_correction_is_cut() -> None:
    changes = tuple(LineChange(line_id=f"row-{n}", after=SALE) for n in range(25))
    correction = Correction(told_at=NOW, told_minor=1, changes=changes)
    for part in words(mail(CustomerMailKind.NOTICE, announced(), correction=correction)):
        assert part.count("Added: Sale, €1.00.") == 20
        assert "And 5 more lines have changed." in part


@pytest.mark.parametrize(
    ("outcome", "carried_minor", "told"),
    [
        (Stage.SKIPPED, 0, "You need not do anything."),
        (Stage.SKIPPED, 300, "€3.00 moves to your next invoice; there is nothing to pay now."),
        (Stage.NOTHING_DUE, 0, "You need not do anything."),
    ],
)
def test_withdrawn_notice_says_that_nothing_is_charged(outcome: Stage, carried_minor: int, told: str) -> None:
    month = announced(carried_minor=carried_minor).evolve(closed=Closed(outcome=outcome, at=NOW))
    rendered = mail(CustomerMailKind.WITHDRAWN, month, correction=Correction(told_at=NOW, told_minor=12_000))
    assert rendered.subject == "No charge for October 2026 (our notice is withdrawn)"
    for part in words(rendered):
        assert "we would charge €120.00 for October 2026 to your card. That is withdrawn" in part
        assert told in part
        assert ("next invoice" in part) == bool(carried_minor)


@pytest.mark.parametrize(
    ("currency", "amount_minor", "shown"),
    [
        ("jpy", 1234567, "¥1,234,567"),
        ("ugx", 120_000, "UGX 1,200.00"),  # Babel, as ISO, knows no decimals here; Stripe's minor unit has two
        ("isk", 120_000, "ISK 1,200.00"),
        ("kwd", 1_234_500, "KWD 1,234.500"),
        ("usd", 50, "$0.50"),
        ("chf", 100_000, "CHF 1,000.00"),
    ],
)
def test_amounts_have_the_decimals_of_the_minor_unit(currency: str, amount_minor: int, shown: str) -> None:
    month = announced(("Beans", amount_minor), ("Cups", amount_minor), ("Return", -amount_minor), currency=currency)
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert f"Invoice for October 2026: {shown} on" in rendered.subject
    for part in words(rendered):
        assert len(re.findall(rf"-{re.escape(shown)}(?!\d)", part)) == 1
        assert len(re.findall(rf"(?<!-){re.escape(shown)}(?!\d)", part)) == 4  # two lines, total, sentence


@pytest.mark.parametrize(
    ("timezone", "period", "shown"),
    [
        ("Europe/Paris", "2026-06", "10:00 Paris time (GMT+02:00)"),
        ("Europe/Paris", "2026-12", "10:00 Paris time (GMT+01:00)"),
        (
            "America/New_York",
            "2026-02",
            "Sunday, 8 March 2026, 10:00 New York time (GMT-04:00)",
        ),  # the day clocks change
        ("America/New_York", "2026-01", "10:00 New York time (GMT-05:00)"),
        ("Asia/Kolkata", "2026-06", "10:00 Kolkata time (GMT+05:30)"),
        ("UTC", "2026-06", "10:00 UTC time (GMT+00:00)"),
    ],
)
def test_charge_date_is_on_the_customers_clock(timezone: str, period: str, shown: str) -> None:
    notice_at = Month.open(customer(timezone=timezone), Period(period)).notice_at
    month = announced(period=period, now=notice_at, timezone=timezone)
    for part in words(mail(CustomerMailKind.NOTICE, month)):
        assert shown in part


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
        assert "Received €5.00 on 5 December 2026, bank 1" in part
        assert "http" not in part
        assert "4242" not in part


def test_receipt_of_a_recovered_month_tells_when_and_by_which_card_it_was_paid() -> None:
    for part in words(render(EVERY_COLLECTION["receipt of a card"])):
        assert "We have received your payment of €120.00 for October 2026, which is now paid in full" in part
        assert "Paid on Monday, 30 November 2026, 13:00 Paris time" in part
        assert "Card ending in 4242" in part
        assert "pi_1" in part
        assert "http" not in part


def test_receipt_of_transfers_names_each_and_no_card() -> None:
    for part in words(render(EVERY_COLLECTION["receipt of transfers"])):
        assert "We have received your payments: October 2026 is paid in full" in part
        assert "Received €5.00 on 5 December 2026, bank 1 Received €115.00 on 6 December 2026, bank 2" in part
        assert "4242" not in part


def test_receipt_admits_that_something_was_paid_twice() -> None:
    transfer = Received(reference="bank\n7", amount_minor=700, at=PAID_AT)
    collection = with_fields(contacted(POOR), release=Release(by="ann", reason="bank", received=transfer))
    for part in words(mail(CustomerMailKind.RECEIPT, POOR, collection=recovered(collection, PAID_AT))):
        assert "Your card was charged, and we have also received €7.00 as bank 7." in part


@pytest.mark.parametrize(
    ("amount_minor", "told"),
    [
        (0, "Your card will not be charged"),
        (20, "€0.20 is too little to be charged by card. It moves to your next invoice"),
        (-700, "Your credit is more than your purchases. It moves to your next invoice"),
    ],
)
def test_nothing_due_tells_what_becomes_of_the_amount(amount_minor: int, told: str) -> None:
    for part in words(mail(CustomerMailKind.NOTHING_DUE, announced(("Beans", amount_minor)))):
        assert "Nothing to pay for October 2026" in part
        assert told in part


def test_typed_text_is_escaped_in_html() -> None:
    month = announced(("<img src=x onerror=alert(1)>", 12_000), name="<b>Rosa</b> & {{ sons }}")
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert "<img" not in rendered.html
    assert "<b>" not in rendered.html
    assert "&lt;b&gt;Rosa&lt;/b&gt; &amp; {{ sons }}" in rendered.html
    assert "Hello <b>Rosa</b> & {{ sons }}," in rendered.text


@pytest.mark.parametrize("breaker", ["\r\n", "\n\n", "\x85", "\u2028", "\x00", "\u202e"])
def test_typed_text_stays_one_line_and_forges_nothing(breaker: str) -> None:
    month = announced((f"Beans{breaker}Total €0.00", 12_000))
    month = month.evolve(customer=month.customer.model_copy(update={"name": f"Rosa{breaker}Bcc: x@example.com"}))
    notice = mail(CustomerMailKind.NOTICE, month)
    assert "  Beans Total €0.00\n" in notice.text
    assert "Hello Rosa Bcc: x@example.com,\n" in notice.text
    for part in notice:
        assert breaker == "\n\n" or breaker not in part


def test_very_long_names_stay_within_the_page() -> None:
    month = announced(("x" * 500, 12_000), ("many words " * 45, 1), name="N" * 200)
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert max(map(len, rendered.text.splitlines())) <= 72
    assert "".join(rendered.text.split()).count("x" * 500) == 1
    assert "overflow-wrap:anywhere" in rendered.html


def test_html_is_accessible_and_loads_nothing() -> None:
    page = mail(*EVERY_LETTER["notice"]).html
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert page.count('<th scope="col"') == 2
    assert page.count("<h1") == 1
    assert not re.search(r"https?:|src=|url\(|@import|<script|<link", page)
