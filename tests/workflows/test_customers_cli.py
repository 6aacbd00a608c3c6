"""``customers`` and ``close --now`` on the command line, with a server and the stand-ins."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.customers.registration import RegistrationState
from billing.invoices.stages import Stage
from bootstrap import connect_registrar
from sandbox.stand_ins.control import local_http
from tests.bed import Bed
from tests.typed import typed as starter
from tests.workflows.newcomers import PAGE, typed

TOKENS = """customer_id,email,name,currency,timezone,token,review_mode
tok-a,a@example.com,Ann,eur,Europe/Paris,tok_visa,
tok-b,b@example.com,Bob,usd,America/Lima,tok_mastercard,approve
tok-c,c@example.com,Cy,usd,America/Lima,tok_chargeDeclined,
tok-d,not an address,Dee,usd,America/Lima,tok_amex,
"""


async def in_json(bed: Bed, *words: str) -> tuple[int, dict[str, Any]]:
    code, output = await starter(bed, *words, "--json")
    return code, json.loads(output)


async def test_tokens_become_customers_once_however_often_the_file_is_imported(bed: Bed) -> None:
    (bed.folder / "tokens.csv").write_text(TOKENS)
    bed.started += ["tok-a", "tok-b", "tok-c"]
    code, told = await in_json(bed, "customers", "import", "tokens.csv")
    assert code == 1
    assert told["counts"] == {"started": 2, "already running": 0, "refused": 2}
    assert [(each["line"], each["status"]) for each in told["customers"]] == [
        (2, "started"),
        (3, "started"),
        (4, "refused"),
        (5, "refused"),
    ]
    reasons = [each["reason"] for each in told["customers"]]
    assert reasons[2].startswith("Stripe refuses the token; send the customer a link")
    assert "not an email address" in reasons[3]
    corrected = TOKENS.replace("tok_chargeDeclined", "tok_chargeCustomerFail").replace(
        "not an address", "d@example.com"
    )
    (bed.folder / "tokens.csv").write_text(corrected)
    bed.started.append("tok-d")
    code, told = await in_json(bed, "customers", "import", "tokens.csv")
    assert (code, told["counts"]) == (0, {"started": 2, "already running": 2, "refused": 0})
    assert len(bed.objects("customer")) == 4
    assert (await bed.month("tok-b")).customer.terms.review_mode == "approve"
    assert bed.mails() == []


async def test_what_is_exported_is_imported_and_started_again_as_it_was(bed: Bed) -> None:
    await bed.start(await bed.customer("acme", name='=HYPERLINK("x")'))
    await bed.start(await bed.customer("bolt"))
    await bed.ledger.open_number("bolt", "1000009", "ann", "contract 17", datetime.now(UTC))
    code, _ = await starter(bed, "customers", "export", "--output", "out.csv")
    assert code == 0
    text = (bed.folder / "out.csv").read_text()
    assert [row["account_number"] for row in csv.DictReader(io.StringIO(text))] == ["", "1000009"]
    for row in csv.reader(io.StringIO(text)):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert (await starter(bed, "customers", "export"))[1].replace("\r", "") == text
    for words in (("customers", "import", "out.csv"), ("start", "--from", "out.csv")):
        code, told = await in_json(bed, *words)
        assert (code, told["counts"]["already running"]) == (0, 2)
        assert [each["reason"] for each in told["customers"]] == ["", ""], "the file says the same as the ledger"
    await bed.handle("bolt").terminate("an accident")
    code, told = await in_json(bed, "customers", "import", "out.csv")
    assert told["counts"] == {"started": 1, "already running": 1, "refused": 0}


async def test_account_numbers_of_a_file_are_given_and_one_of_another_is_refused_with_its_line(bed: Bed) -> None:
    await bed.start(await bed.customer("acme"))
    await bed.start(await bed.customer("bolt"))
    await bed.ledger.open_number("bolt", "1000009", "ann", "contract 17", datetime.now(UTC))
    text = (await starter(bed, "customers", "export"))[1]
    for words in (("customers", "import"), ("start", "--from")):
        (bed.folder / "in.csv").write_text(text.replace(",1000009", ",1000009;1000017"))
        code, told = await in_json(bed, *words, "in.csv")
        assert (code, told["counts"]["already running"]) == (0, 2)
        assert [each.number for each in await bed.ledger.numbers_of("bolt")] == ["1000009", "1000017"]
    (bed.folder / "in.csv").write_text(
        text.replace(",1000009", ",").replace("monitor,,,card,", "monitor,,,card,1000009", 1)
    )
    code, told = await in_json(bed, "customers", "import", "in.csv")
    refused, other = told["customers"]
    assert (code, refused["line"], other["status"]) == (1, 2, "already running")
    assert "account number 1000009 is bolt's" in refused["reason"]


async def test_the_roster_and_a_customer_are_shown(bed: Bed) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    assert "no customers yet" in (await starter(bed, "customers", "list"))[1]
    assert "no registrations are open" in (await starter(bed, "customers", "registrations"))[1]
    registration = await registrar.begin(typed("ann@example.com"))
    url = await registrar.card_page(registration, PAGE)
    assert "open" in (await starter(bed, "customers", "registrations"))[1]
    async with local_http() as browser:
        await browser.post(url, data={"card": "pm_card_visa"})
    code, told = await in_json(bed, "customers", "registrations", "--finish")
    customer_id = registration.customer_id
    bed.started.append(customer_id)
    assert (code, told["results"]) == (0, {registration.registration_id: RegistrationState.STARTED})
    _, roster = await in_json(bed, "customers", "list")
    assert [each["email"] for each in roster["customers"]] == ["ann@example.com"]
    shown = (await starter(bed, "customers", "show", customer_id))[1]
    for part in ("Acme <ann@example.com>", "EUR · Europe/Paris", "last four digits 4242", "Consent of", "  yes"):
        assert part in shown
    _, whole = await in_json(bed, "customers", "show", customer_id)
    assert whole["registration"]["consent"]["text"] == "yes"
    assert [each["stage"] for each in whole["months"]] == ["Scheduled"]
    code, output = await starter(bed, "customers", "show", "nobody")
    assert code == 1
    assert "does not know nobody; see: python starter.py customers list" in output


async def test_links_are_printed_and_open_what_they_are_for(bed: Bed) -> None:
    await bed.start(await bed.customer("acme"))
    links, now = bed.settings.links, datetime.now(UTC)
    _, link = await starter(bed, "customers", "link", "acme")
    assert links.read_card(link.strip().rpartition("/card/")[2], now) == "acme"
    _, invitation = await starter(bed, "customers", "invite", "--currency", "NZD", "--timezone", "Pacific/Auckland")
    assert links.read_invitation(invitation.strip().rpartition("/register/")[2], now) == ("nzd", "Pacific/Auckland")
    assert (await starter(bed, "customers", "link", "nobody"))[0] == 1
    for words in (("xyz", "UTC"), ("eur", "Mars")):
        code, output = await starter(bed, "customers", "invite", "--currency", words[0], "--timezone", words[1])
        assert code == 2
        assert "is not a" in output


async def test_an_account_is_closed_now_if_nothing_is_due(bed: Bed) -> None:
    await bed.start(await bed.customer("acme"))
    period = (await bed.month("acme")).period
    bed.sales(period, ("acme@example.com", "10", "Bread"))
    close = ("close", "acme", "--by", "ann", "--reason", "a mistake", "--now")
    code, output = await starter(bed, *close)
    assert code == 1
    assert re.search(r"not closed, something is due: 1 sale; close it without --now", output)
    assert not (await bed.month("acme")).leaving
    bed.sales(period, ("bolt@example.com", "10", "Bread"))
    code, output = await starter(bed, *close)
    assert code == 0, output
    await bed.handle("acme").result()
    assert await bed.ledger.closed_reason("acme") == "ann: a mistake"
    assert "acme" not in (await starter(bed, "customers", "list"))[1]
    assert "closed: ann: a mistake" in (await starter(bed, "customers", "list", "--closed"))[1]


@pytest.mark.parametrize("with_invoice", [True, False])
async def test_an_account_with_a_draft_is_not_closed_now(bed: Bed, with_invoice: bool) -> None:
    await bed.monitored(sales=("10",) if with_invoice else ("abc",))
    code, output = await starter(bed, "close", "acme", "--by", "ann", "--reason", "a mistake", "--now")
    assert code == 1
    assert ("1 sale;" if with_invoice else "1 unreadable row;") in output


async def test_an_account_is_not_closed_now_while_sales_of_last_month_came_late(bed: Bed) -> None:
    await bed.monitored(is_last=True)
    await bed.announced()
    await bed.closed()
    bed.sales("2026-11", ("bolt@example.com", "10", "Bread"))
    bed.sales("2026-10", ("acme@example.com", "100", "Sale 1"), ("acme@example.com", "7", "Came late"))
    close = ("close", "acme", "--by", "ann", "--reason", "left", "--now", "--command-id", "c1")
    code, output = await starter(bed, *close)
    assert code == 1
    assert "due: 1 sale;" in output
    bed.sales("2026-10", ("acme@example.com", "100", "Sale 1"))
    code, output = await starter(bed, *close, "--json")
    assert code == 0, output
    answers = json.loads(output)
    assert [(each["command"], each["accepted"]) for each in (answers, *answers["then"])] == [
        ("close_account", True),
        ("skip", True),
    ]
    await bed.handle("acme").result()
    assert (await bed.recorded("acme", "2026-11")).outcome is Stage.SKIPPED


async def test_another_schedule_reaches_the_month_that_is_not_imported_yet(bed: Bed) -> None:
    await bed.start(await bed.customer("acme"))
    before = await bed.month("acme")
    code, output = await starter(
        bed, "update", "acme", "--by", "ann", "--reason", "asked", "--schedule", "notice_days=5"
    )
    assert code == 0, output
    after = await bed.month("acme")
    assert after.notice_at - before.notice_at == timedelta(days=2)
    assert after.import_at == before.import_at
    assert after.customer.terms.schedule.notice_time == before.customer.terms.schedule.notice_time
    assert [(each.by, each.via, each.result) for each in after.decisions] == [("ann", "cli", "changed: terms")]


SUBSCRIBERS = """customer_id,name,currency,timezone,pay_by,phone,bill_by,email
sub-a,Ann,eur,Europe/Paris,bill,+33 6 12 34 56 78,sms,
sub-b,Bob,eur,Europe/Paris,bill,,mail,b@example.com
sub-c,Cy,eur,Europe/Paris,bill,,,
"""


async def test_subscribers_without_card_and_email_are_started_from_a_file(bed: Bed) -> None:
    (bed.folder / "subscribers.csv").write_text(SUBSCRIBERS)
    bed.started += ["sub-a", "sub-b"]
    code, told = await in_json(bed, "start", "--from", "subscribers.csv", "--period", "2026-10")
    assert (code, told["counts"]) == (1, {"started": 2, "already running": 0, "refused": 1})
    assert "a bill by mail needs an email" in told["customers"][2]["reason"]
    ann = (await bed.month("sub-a")).customer
    assert (ann.card, ann.email, ann.phone) == (None, None, "+33612345678")
    _, listed = await starter(bed, "list", "--period", "2026-10")
    assert "0 of 2 drafted, 0 told, 0 charged or billed" in listed
    _, shown = await starter(bed, "customers", "show", "sub-a")
    assert "bills, by sms" in shown


async def test_a_card_is_taken_away_on_the_command_line_and_its_debt_stays(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda found: not found.debts[0].is_moving)
    ann = ("--by", "ann", "--reason", "asked")
    code, output = await starter(bed, "update", "acme", "--pay-by-bill", "--phone", "+33612345678", *ann)
    assert code == 0, output
    await bed.collects(lambda found: found.open_debts[0].method is None)
    customer = (await bed.month("acme")).customer
    assert (customer.card, customer.phone, customer.email) == (None, "+33612345678", "acme@example.com")


LISTED = """customer_id,email,name,currency,timezone
ann,ann@example.com,Ann,eur,Europe/Paris
bob,bob@example.com,Bob,eur,Europe/Paris
cy,cy@example.com,Cy,eur,Europe/Paris
"""


async def test_cards_are_found_at_stripe_shown_first_and_imported_once(bed: Bed) -> None:
    for name in ("ann", "bob", "bob"):
        await bed.customer(name)  # at the processor only; bob is there twice
    (bed.folder / "in.csv").write_text(LISTED)
    code, output = await starter(bed, "customers", "import", "in.csv", "--from-stripe")
    assert code == 1
    for part in ("line 2  ann", "ending in 4242", "line 3  bob", "several customers", "line 4  cy", "invite by mail"):
        assert part in output
    assert "nothing was changed" in output
    assert await bed.ledger.count_customers() == 0
    assert bed.mails() == []

    bed.started += ["ann", "cy"]
    for counts in ({"started": 1, "already running": 0}, {"started": 0, "already running": 1}):
        code, told = await in_json(bed, "customers", "import", "in.csv", "--from-stripe", "--yes")
        assert (code, told["counts"]) == (1, {**counts, "invited": 1, "refused": 1})
    assert (await bed.month("ann")).customer.last4 == "4242"
    assert [mail.to for mail in bed.mails()] == ["cy@example.com"], "who has no card is invited, once"


async def test_who_is_invited_registers_a_card_by_the_link_in_the_mail_and_is_billed(bed: Bed) -> None:
    header = f"{LISTED.splitlines()[0]},stripe_customer_id,payment_method_id,review_mode"
    (bed.folder / "in.csv").write_text(f"{header}\ncy,cy@example.com,Cy,usd,America/Lima,,,approve\n")
    bed.started.append("cy")
    code, told = await in_json(bed, "customers", "import", "in.csv")
    assert (code, told["counts"]) == (0, {"started": 0, "already running": 0, "invited": 1, "refused": 0})
    (mail,) = bed.mails()
    assert mail.subject == "Please register your card"
    assert "charges my card once a month" in " ".join(mail.text.split())
    link = re.search(r"http\S+/registration/\S+", mail.text)
    assert link is not None
    registration_id = bed.settings.links.read_registration(link[0].rpartition("/")[2], datetime.now(UTC))
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    invited = await registrar.find(registration_id)
    assert invited is not None
    async with local_http() as browser:
        await browser.post(await registrar.card_page(invited, PAGE), data={"card": "pm_card_visa"})
    invited = await registrar.find(registration_id)
    assert invited is not None
    assert await registrar.go_on(invited) == RegistrationState.STARTED
    customer = (await bed.month("cy")).customer
    assert (customer.currency, customer.terms.review_mode, customer.last4) == ("usd", "approve", "4242")
    code, told = await in_json(bed, "customers", "import", "in.csv")
    assert told["counts"]["already running"] == 1
