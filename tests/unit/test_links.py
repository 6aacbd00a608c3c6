"""Links in mails open one customer's page of one month, until they expire; nobody can make or change one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing.customers.account_numbers import check_digit
from billing.customers.links import Links, PageOwner, PaymentLinks, without_key
from billing.errors import InvalidInput
from billing.period import Period

LINKS = PaymentLinks("https://billing.example.com/", "a secret")
ALL = Links(*LINKS)
PERIOD = Period("2026-10")
UNTIL = datetime(2027, 5, 7, 9, 30, 15, 999, tzinfo=UTC)
NOW = UNTIL - timedelta(days=180)


def token_of(customer_id: str, period: Period, until: datetime) -> str:
    return LINKS.to(customer_id, period, until).rpartition("/")[2]


TOKEN = token_of("acme", PERIOD, UNTIL)


@given(
    customer_id=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True),
    period=st.builds("{}-{:02}".format, st.integers(2000, 2099), st.integers(1, 12)).map(Period),
    until=st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_link_opens_what_it_was_made_for(customer_id: str, period: Period, until: datetime) -> None:
    address = LINKS.to(customer_id, period, until)
    base, _, token = address.rpartition("/")
    assert base == "https://billing.example.com/pay"
    assert LINKS.read(token, until - timedelta(seconds=1)) == (customer_id, period)
    assert address == LINKS.to(customer_id, period, until)


def test_link_expires() -> None:
    assert LINKS.read(TOKEN, UNTIL.replace(microsecond=0) - timedelta(microseconds=1)) == ("acme", PERIOD)
    with pytest.raises(InvalidInput, match="expired; reply to our mail"):
        LINKS.read(TOKEN, UNTIL)


def test_address_needs_no_escaping() -> None:
    assert LINKS.to("acme", PERIOD, UNTIL).isascii()
    assert not set(TOKEN) & set("/?#%& =+")


def test_without_an_address_there_are_no_links() -> None:
    assert PaymentLinks("", "a secret").to("acme", PERIOD, UNTIL) == ""


def test_another_secret_opens_nothing() -> None:
    with pytest.raises(InvalidInput, match="not valid"):
        LINKS._replace(secret="another").read(TOKEN, NOW)


@given(at=st.integers(0, len(TOKEN) - 1), character=st.characters())
def test_changed_token_opens_nothing(at: int, character: str) -> None:
    changed = TOKEN[:at] + character + TOKEN[at + 1 :]
    if changed != TOKEN:
        with pytest.raises(InvalidInput, match="not valid"):
            LINKS.read(changed, NOW)


@given(st.text())
@example("")
@example(".")
@example("....")
@example(TOKEN + ".")
@example(TOKEN[:-1])
@example(TOKEN.rpartition(".")[0])
@example("payment1.acme.2026-10.99999999999.")
@example("\ud800")
def test_garbage_opens_nothing(garbage: str) -> None:
    with pytest.raises(InvalidInput, match="not valid"):
        LINKS.read(garbage, NOW)


@pytest.mark.parametrize(
    "other",
    [
        token_of("beta", PERIOD, UNTIL),
        token_of("acme", PERIOD.next(), UNTIL),
        token_of("acme", PERIOD, UNTIL + timedelta(days=1)),
    ],
)
def test_signature_of_one_link_does_not_open_another(other: str) -> None:
    signature = TOKEN.rpartition(".")[2]
    with pytest.raises(InvalidInput, match="not valid"):
        LINKS.read(f"{other.rpartition('.')[0]}.{signature}", NOW)


@given(customer_id=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True))
def test_link_to_a_card_opens_its_customer(customer_id: str) -> None:
    base, _, token = ALL.to_card(customer_id, UNTIL).rpartition("/")
    assert base == "https://billing.example.com/card"
    assert ALL.read_card(token, NOW) == customer_id


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "America/Argentina/ComodRivadavia", "Etc/GMT+5"])
def test_invitation_fixes_currency_and_zone(zone: str) -> None:
    base, _, token = ALL.to_invitation("nzd", zone, UNTIL).rpartition("/")
    assert base == "https://billing.example.com/register"
    assert not set(token) & set("/?#%& =+")
    assert ALL.read_invitation(token, NOW) == ("nzd", zone)


def test_link_to_a_registration_opens_it_until_it_expires() -> None:
    token = ALL.to_registration("R-1", UNTIL).rpartition("/")[2]
    assert ALL.read_registration(token, NOW) == "R-1"
    with pytest.raises(InvalidInput, match="expired"):
        ALL.read_registration(token, UNTIL)


def test_link_of_one_kind_opens_nothing_of_another() -> None:
    readers = (ALL.read, ALL.read_card, ALL.read_invitation, ALL.read_registration)
    addresses = (
        ALL.to("acme", PERIOD, UNTIL),
        ALL.to_card("acme", UNTIL),
        ALL.to_invitation("eur", "UTC", UNTIL),
        ALL.to_registration("R-1", UNTIL),
    )
    for reader in readers:
        for address in addresses:
            if readers.index(reader) != addresses.index(address):
                with pytest.raises(InvalidInput, match="not valid"):
                    reader(address.rpartition("/")[2], NOW)


def test_a_link_that_is_kept_without_its_key_opens_nothing() -> None:
    kept = without_key(LINKS.to("acme", PERIOD, UNTIL))
    assert TOKEN not in kept
    with pytest.raises(InvalidInput, match="not valid"):
        LINKS.read(kept.rpartition("/")[2], NOW)
    assert without_key("") == ""


@given(number=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", fullmatch=True))
def test_the_link_of_a_fee_opens_its_order_alone_and_is_short(number: str) -> None:
    base, _, token = LINKS.to_fee(number).rpartition("/")
    assert base == "https://billing.example.com/fee"
    assert LINKS.read_fee(token) == number
    assert len(token) == len(number) + 17
    for forged in (f"1{token}", token[:-1], f"{number}.", f"{number}.{'A' * 16}", "", token.replace(".", "")):
        if forged != token:
            with pytest.raises(InvalidInput, match="not valid"):
                LINKS.read_fee(forged)


@given(digits=st.from_regex(r"[1-9][0-9]{3,18}", fullmatch=True).filter(lambda digits: len(digits) != 11))
def test_the_own_page_is_named_by_the_account_in_few_letters_that_can_be_read_out(digits: str) -> None:
    number = digits + check_digit(digits)
    base, _, token = LINKS.to_own_page("acme", number).rpartition("/")
    assert base == "https://billing.example.com/p"
    assert LINKS.read_own_page(token) == LINKS.read_own_page(token.upper()) == PageOwner(number, None)
    assert not set(token) - set("abcdefghijklmnopqrstuvwxyz234567")
    assert len(token) <= 16 or len(number) > 10


@given(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True), st.sampled_from([None, "012344"]))
def test_without_an_account_the_own_page_is_named_by_the_customer(customer_id: str, account: str | None) -> None:
    token = LINKS.to_own_page(customer_id, account).rpartition("/")[2]
    assert LINKS.read_own_page(token) == PageOwner(None, customer_id)


OWN = LINKS.to_own_page("acme", "1234567897").rpartition("/")[2]


@given(at=st.integers(0, len(OWN) - 1), character=st.characters())
def test_another_letter_opens_no_own_page(at: int, character: str) -> None:
    if character.lower() != OWN[at]:
        with pytest.raises(InvalidInput, match="not valid"):
            LINKS.read_own_page(OWN[:at] + character + OWN[at + 1 :])


@given(st.text())
@example("")
@example(OWN[1:])
@example(f"a{OWN}")
@example(f"{OWN}a")
@example(f".{OWN}")
@example("acme." + OWN[-10:])
@example("a" * 5000 + OWN[-10:])
@example("\ud800")
@example(OWN.replace("i", "\u0130"))
def test_garbage_opens_no_own_page(garbage: str) -> None:
    with pytest.raises(InvalidInput, match="not valid"):
        LINKS.read_own_page(garbage)


def test_there_is_no_own_page_without_an_address_or_a_secret() -> None:
    assert LINKS._replace(secret="").to_own_page("acme", "1234567897") == ""
    assert LINKS._replace(base_url="").to_own_page("acme", "1234567897") == ""
