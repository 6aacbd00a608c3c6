"""``payments link``, as an operator types it; and what reconciliation makes of links whose events are lost."""

import json
import re

import pytest

from billing.accounting.discrepancy import DiscrepancyKind
from billing.payments.checkouts import CheckoutState
from billing.period import Period
from billing.receivables.payment_list import PaymentFilter
from bootstrap import connect_reconciliation
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.paying import link_for, pay_by
from tests.typed import typed

SAID = ("--month", OCTOBER, "--by", "ann", "--reason", "asked by phone")


async def billed(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.is_on_record("acme", OCTOBER, lambda month: month.announced)


async def test_the_command_prints_a_link_and_the_same_again_until_it_is_paid(bed: Bed) -> None:
    await billed(bed)
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID)
    assert code == 0, output
    url, about = output.splitlines()
    assert re.fullmatch(rf"{bed.stripe_url}/hosted/checkout/cs_test_\w+", url)
    assert about.startswith("acme, 2026-10: 100.00 EUR, until ")
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID, "--expires-in", "2h", "--json")
    assert code == 0, output
    again = json.loads(output)
    assert (again["url"], again["amount_minor"], again["by"]) == (url, 10000, "ann")
    (link,) = await bed.ledger.live_checkouts()
    assert link.description == "Invoice for October 2026"
    await pay_by(link)
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID)
    assert (code, "acme, month 2026-10: nothing is owed" in output) == (2, True), output
    code, output = await typed(bed, "payments", "links", "--customer", "acme")
    assert (code, "paid" in output, "asked by phone" in output) == (0, True, True), output
    code, output = await typed(bed, "payments", "list", "--rail", "stripe-link")
    assert (code, "100.00 EUR" in output) == (0, True), output


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--customer", "nobody"), 1, "the ledger does not know nobody"),
        (("--customer", "acme"), 2, "there is no bill yet|nothing is owed"),
        (("--customer", "acme", "--expires-in", "25h"), 2, "between 1h and 24h; write it like 24h or 90m"),
        (("--customer", "acme", "--expires-in", "30m"), 2, "between 1h and 24h"),
        (("--customer", "acme", "--expires-in", "a day"), 2, "between 1h and 24h"),
        (("--customer", "acme", "--expires-in", f"{10**30}h"), 2, "between 1h and 24h"),
    ],
)
async def test_what_cannot_be_done_is_said(bed: Bed, options: tuple[str, ...], code: int, words: str) -> None:
    await bed.monitored()
    answered, output = await typed(bed, "payments", "link", *options, *SAID)
    assert answered == code, output
    assert re.search(words, output)


async def test_a_command_whose_answer_was_lost_is_typed_again(bed: Bed) -> None:
    await billed(bed)
    await bed.stripe_fault(path="/checkout/sessions$", method="POST", kind="drop_after")
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID)
    assert (code, "type the same command again" in output) == (1, True), output
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID)
    assert code == 0, output
    assert [session["status"] for session in bed.objects("checkout.session")] == ["open"]


@pytest.mark.parametrize(
    ("rails", "words"),
    [
        ('{"cash": {"kind": "by_hand"}}', "0 rails are of kind links"),
        ('{"one": {"kind": "links"}, "two": {"kind": "links"}}', "2 rails are of kind links"),
    ],
)
async def test_without_a_rail_for_links_the_setting_is_named(bed: Bed, rails: str, words: str) -> None:
    await billed(bed)
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID, BILLING_RAILS=rails)
    assert (code, words in output, "BILLING_RAILS" in output) == (2, True, True), output


async def test_the_brake_opens_no_link(bed: Bed) -> None:
    await billed(bed)
    code, output = await typed(bed, "brake", "on", "--by", "ann", "--reason", "wrong sheet")
    assert code == 0, output
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID)
    assert (code, "the emergency brake is on" in output) == (1, True), output


async def test_reconciliation_books_what_links_have_brought_and_takes_nothing_for_a_charge_by_hand(bed: Bed) -> None:
    await billed(bed)
    link = await link_for(bed)
    await pay_by(link)
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    first = await books.reconcile_period(Period(OCTOBER))
    assert [(finding.kind, finding.repaired) for finding in first.findings] == [(DiscrepancyKind.MISSING, True)]
    assert "the processor has 100.00 EUR" in first.findings[0].text
    assert [(total.rail, total.register_minor, total.difference_minor) for total in first.rails] == [
        ("stripe-link", 10000, 0)
    ]
    over = await bed.ledger.checkout_of(str(link.session_id))
    assert over is not None
    assert over.state is CheckoutState.PAID
    assert (await books.reconcile_period(Period(OCTOBER))).findings == ()

    (intent,) = bed.intents()
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        (await http.post(f"{bed.stripe_url}/v1/refunds", data={"payment_intent": intent["id"]})).raise_for_status()
    third = await books.reconcile_period(Period(OCTOBER))
    assert [(finding.kind, finding.repaired) for finding in third.findings] == [(DiscrepancyKind.REVERSAL, True)]
    assert sorted(row.amount_minor for row in (await bed.ledger.incoming_payments(PaymentFilter())).rows) == [
        -10000,
        10000,
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Missing option '--month'"),
        (("--month", OCTOBER, "--order", "7"), "No such option: --order"),  # that is orders link
        (("--month", OCTOBER, "--rail", "transfer"), "makes no payment links"),
    ],
)
async def test_what_is_paid_is_a_month_by_a_rail_that_takes_it(bed: Bed, options: tuple[str, ...], words: str) -> None:
    said = ("--by", "ann", "--reason", "asked by phone")
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *options, *said)
    assert (code, words in output) == (2, True), output
