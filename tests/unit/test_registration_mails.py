"""The mails about a registration: what a new customer has agreed to, and a link for one who is known already."""

import pytest

from adapters.mail.mail_templates import render
from billing.customers.customer import Customer, Terms
from billing.invoices.month import Month
from billing.mails.mail import CustomerMail, CustomerMailKind
from billing.payments.methods import CardOnFile
from billing.period import Period

LINK = "https://pay.example/card/card1.c-1.2.x"
ANN = Customer(
    customer_id="c-1",
    email="ann@example.com",
    name="Ann <script>\u202e& Sons",
    currency="eur",
    timezone="Europe/Paris",
    payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1", last4="4242"),
    terms=Terms(min_notice_hours=96),
)


def letter(kind: CustomerMailKind, agreed: str = "") -> CustomerMail:
    month = Month.open(ANN, Period("2026-11"))
    return CustomerMail(kind=kind, message_id="<1@x>", to=ANN.mailbox, month=month, link=LINK, agreed=agreed)


def flowing(text: str) -> str:
    return " ".join(text.split())


def test_a_new_customer_reads_what_was_agreed_and_when_it_begins() -> None:
    mail = render(letter(CustomerMailKind.WELCOME, "I agree that Acme charges my card."))
    text = flowing(mail.text)
    assert mail.subject == "Your card is registered"
    for part in (
        "nothing has been charged yet",
        "“I agree that Acme charges my card.”",
        "at least 4 days before",
        "November 2026",
        "1 December 2026",
        "ending in 4242",
        LINK,
    ):
        assert part in text


def test_who_is_known_gets_a_link_and_learns_that_nothing_has_changed() -> None:
    mail = render(letter(CustomerMailKind.CARD_LINK))
    assert mail.subject == "You are registered already"
    assert "nothing has changed" in flowing(mail.text)
    assert LINK in mail.text
    assert f'href="{LINK}"' in mail.html


def test_who_is_imported_without_a_card_gets_a_link_to_register_one() -> None:
    mail = render(letter(CustomerMailKind.CARD_WANTED))
    assert mail.subject == "Your card is still missing"
    assert "nothing has been charged" in flowing(mail.text)
    assert LINK in mail.text
    assert "4242" not in mail.text + mail.html, "it is a stranger's, perhaps"


def test_who_is_invited_reads_what_registering_means() -> None:
    mail = render(letter(CustomerMailKind.INVITATION, "I agree that Acme charges my card."))
    assert mail.subject == "Please register your card"
    assert "you agree to this: “I agree that Acme charges my card.”" in flowing(mail.text)
    assert LINK in mail.text
    assert "4242" not in mail.text + mail.html


@pytest.mark.parametrize(
    "kind",
    [
        CustomerMailKind.WELCOME,
        CustomerMailKind.CARD_LINK,
        CustomerMailKind.CARD_WANTED,
        CustomerMailKind.INVITATION,
    ],
)
def test_what_somebody_typed_is_one_clean_line(kind: CustomerMailKind) -> None:
    mail = render(letter(kind, "yes"))
    assert "Hello Ann <script> & Sons," in mail.text
    assert "<script>" not in mail.html
    assert "\u202e" not in mail.text + mail.html
