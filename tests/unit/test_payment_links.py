"""What a payment link may take, and the rail that it belongs to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import InvalidInput
from billing.keys import checkout_key
from billing.money import MAX_AMOUNT_MINOR, step_minor
from billing.payments.checkouts import CheckoutPage, CheckoutRequest, CheckoutState, begun
from billing.payments.methods import CardOnFile
from billing.payments.rails import RAILS, Rail, RailKind, of_links
from billing.period import Period
from billing.receivables.journal import Balance, Outstanding, Subject

AT = datetime(2026, 12, 5, tzinfo=UTC)
NOVEMBER, DECEMBER = Subject.month(Period("2026-11")), Subject.month(Period("2026-12"))
REQUEST = CheckoutRequest(
    rail="stripe-link",
    customer_id="acme",
    payer_id="cus_1",
    subject=NOVEMBER,
    description="Invoice for November 2026",
    expires_at=AT + timedelta(days=1),
    by="ann",
    reason="asked by phone",
)


def owing(*items: tuple[Subject, int, str], due_at: datetime | None = AT) -> Balance:
    owed = (
        Outstanding(subject=subject, currency=currency, amount_minor=minor, due_at=due_at)
        for subject, minor, currency in items
    )
    return Balance(owed=tuple(owed), credits={})


@given(
    st.sampled_from(("eur", "jpy", "bhd", "isk", "idr", "gbp", "huf")),
    st.integers(-MAX_AMOUNT_MINOR, 10 * MAX_AMOUNT_MINOR) | st.integers(-1000, 20_000),
)
def test_a_link_takes_exactly_what_is_owed_or_is_refused(currency: str, minor: int) -> None:
    balance = owing((DECEMBER, 777, currency), (NOVEMBER, minor, currency))
    try:
        link = begun(REQUEST, "link", balance, AT)
    except InvalidInput:
        is_payable = CardOnFile.minimum_minor(currency) <= minor <= MAX_AMOUNT_MINOR
        assert not is_payable or minor % step_minor(currency)
    else:
        assert (link.amount_minor, link.currency, link.state) == (minor, currency, CheckoutState.OPENING)
        assert link.is_owed(balance)


@pytest.mark.parametrize(
    "balance",
    [
        owing(),
        owing((NOVEMBER, 999, "eur")),
        owing((NOVEMBER, 1001, "eur")),
        owing((NOVEMBER, 1000, "usd")),
        owing((DECEMBER, 1000, "eur")),
        owing((NOVEMBER, -1000, "eur")),
    ],
)
def test_a_link_for_anything_but_what_is_owed_must_end(balance: Balance) -> None:
    assert not begun(REQUEST, "link", owing((NOVEMBER, 1000, "eur")), AT).is_owed(balance)


def test_what_is_not_billed_yet_takes_no_link() -> None:
    with pytest.raises(InvalidInput, match="acme, month 2026-11: there is no bill yet"):
        begun(REQUEST, "link", owing((NOVEMBER, 1000, "eur"), due_at=None), AT)


def test_a_link_follows_its_page() -> None:
    link = begun(REQUEST, "link", owing((NOVEMBER, 1000, "eur")), AT)
    page = CheckoutPage(session_id="cs_1", state=CheckoutState.OPEN, url="https://pay.example", expires_at=AT)
    opened = link.seen(page)
    assert (opened.state, opened.session_id, opened.url, opened.expires_at) == (page.state, "cs_1", page.url, AT)
    ended = opened.seen(page.evolve(state=CheckoutState.ENDED, url=None))
    assert (ended.state.is_live, ended.url) == (False, None)


def test_each_link_of_a_subject_has_a_name_of_its_own_that_fits_at_stripe() -> None:
    names = {
        checkout_key(customer_id, subject, number)
        for customer_id in ("a" * 64, "acme", "acme-month")
        for subject in (NOVEMBER, DECEMBER)
        for number in (1, 2, 10**9)
    }
    assert len(names) == 18
    assert all(len(name) <= 200 and " " not in name for name in names)


def test_the_rail_of_links_is_the_one_of_that_kind() -> None:
    assert of_links(RAILS) == "stripe-link"
    assert of_links({"cash": Rail(kind=RailKind.BY_HAND), "pages": Rail(kind=RailKind.LINKS)}) == "pages"
    with pytest.raises(InvalidInput, match="0 rails are of kind links; payment links need one, such as stripe-link"):
        of_links({})
    with pytest.raises(InvalidInput, match="2 rails are of kind links"):
        of_links({"one": Rail(kind=RailKind.LINKS), "two": Rail(kind=RailKind.LINKS)})


def test_a_gateway_makes_links_too_where_stripe_does_not_or_where_it_is_named() -> None:
    gateway = {"shop": Rail(kind=RailKind.GATEWAY)}
    assert of_links(gateway) == "shop"
    assert of_links(RAILS | gateway) == "stripe-link"
    assert of_links(RAILS | gateway, "shop") == "shop"
    with pytest.raises(InvalidInput, match="'cash' makes no payment links; name one of: stripe-link, shop"):
        of_links(RAILS | gateway, "cash")
    with pytest.raises(InvalidInput, match="2 rails are of kind gateway; name one with --rail: shop, other"):
        of_links(gateway | {"other": Rail(kind=RailKind.GATEWAY)})
