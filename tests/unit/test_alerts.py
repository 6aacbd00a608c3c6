"""What reviewers are alerted of: one alert for each matter, of the right kind, with a command that helps."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.collections.collection import Collection
from billing.collections.stages import ScheduledTry
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.invoice import Problem, Source
from billing.invoices.month import Month
from billing.money import plain_amount
from billing.payments.payment import ChargeStatus
from billing.period import Period
from billing.progress import Failure
from billing.reviewers.alerts import Alert, AlertKind, of_collection, of_draft, of_month, of_news, of_report
from tests.debts import only, with_fields
from tests.stops import text_of
from tests.suggested import todo
from tests.unit.letters import PAID_AT, POOR, contacted, declined, recovered, transferred
from tests.unit.months import DAY, accepted, announced, at, charged, charging, drafted, opened

BY = "--by YOU --reason WHY"


def told(month: Month, now: datetime) -> tuple[AlertKind, str, str]:
    alert = of_month(month, now)
    return alert.kind, alert.text, todo(alert)


def test_a_halt_tells_who_halted_why_and_how_to_go_on() -> None:
    month = accepted(drafted(10000), "halt", at("2026-11-02 12:00"), by="ann", reason="too high")
    alert = of_month(month, at("2026-11-03 12:00"))
    assert (alert.kind, alert.text) == (AlertKind.HALTED, "halted by ann: too high")
    assert todo(alert) == f"python starter.py resume acme --period 2026-10 {BY}"
    assert (alert.amount_minor, alert.currency) == (10000, "eur")
    assert "@" not in alert.text + todo(alert)


def test_every_unreadable_row_is_named_and_the_first_can_be_edited() -> None:
    month = drafted(10000)
    assert month.invoice is not None
    problems = tuple(
        Problem(
            line_id=f"row-{row}",
            description="Beans",
            raw="#REF!",
            reason="'#REF!' is not an amount",
            source=Source(sheet="2026-10", row=row, digest="d"),
        )
        for row in (7, 19, 20, 21, 22)
    )
    kind, text, command = told(month.evolve(invoice=month.invoice.evolve(problems=problems)), month.notice_at)
    assert kind is AlertKind.PERSON
    for row in (7, 19, 20):
        assert f"row {row} of worksheet 2026-10 cannot be read: '#REF!' is not an amount" in text
    assert text.endswith("; and 2 more rows")
    assert (
        command == f"python starter.py edit acme --period 2026-10 {BY} --change row-7=AMOUNT"
    )  # a resume would be refused


def approving(mode: ReviewMode) -> Month:
    return drafted(10000, terms=Terms(review_mode=mode))


@pytest.mark.parametrize(
    ("month", "kind", "command"),
    [
        (approving(ReviewMode.APPROVE), AlertKind.PERSON, f"approve acme --period 2026-10 {BY}"),
        (approving(ReviewMode.MANUAL), AlertKind.PERSON, f"edit acme --period 2026-10 {BY} --add TEXT=AMOUNT"),
        (opened().delayed("SalesUnavailable", "no worksheet"), AlertKind.PERSON, "show acme --period 2026-10"),
        (drafted(10000).failed("two customers"), AlertKind.PERSON, f"resume acme --period 2026-10 {BY}"),
        (charging(10000).failed("two payments"), AlertKind.UNRESOLVED, f"resume acme --period 2026-10 {BY}"),
        (
            charging(10000).delayed("SalesUnavailable", "Stripe is down"),
            AlertKind.UNRESOLVED,
            "show acme --period 2026-10",
        ),
    ],
)
def test_an_alert_is_of_the_right_kind_and_offers_what_would_help(month: Month, kind: AlertKind, command: str) -> None:
    found, text, offered = told(month, month.notice_at)
    assert (found, offered) == (kind, f"python starter.py {command}")
    assert text


@pytest.mark.parametrize(
    ("collection", "now", "kind", "offered"),
    [
        (contacted(POOR, days=22), 22, AlertKind.PERSON, "retry"),
        (Collection.open(declined("new_code")), 0, AlertKind.PERSON, "retry"),
        (contacted(declined("lost_card"), 22), 22, AlertKind.PERSON, "payments record"),
        (contacted(POOR).failed("two payments"), 3, AlertKind.PERSON, "resume"),
        (
            with_fields(contacted(POOR), attempt=ScheduledTry(day=5), trouble=Failure(text="two payments")),
            5,
            AlertKind.UNRESOLVED,
            "resume",
        ),
        (transferred(contacted(POOR, days=22), 500), 40, AlertKind.PERSON, "payments record"),
    ],
)
def test_an_alert_of_a_collection_offers_what_would_be_accepted(
    collection: Collection, now: int, kind: AlertKind, offered: str
) -> None:
    alert = of_collection(collection, only(collection).opened_at + now * DAY)
    assert alert.kind is kind
    assert alert.text == text_of(collection.waits_for(alert.at))
    command = f"collections {offered} bakery-rosa --period 2026-10 "
    if offered == "payments record":
        owed = plain_amount(only(collection).outstanding_minor, "eur")
        named = "payments record RAIL REFERENCE --customer bakery-rosa --month 2026-10"
        command = f"{named} --by YOU --reason WHY --amount {owed} --currency eur"
    assert todo(alert).startswith(f"python starter.py {command}")
    assert alert.amount_minor == only(collection).outstanding_minor
    assert "@" not in alert.text + todo(alert)


def test_how_a_collection_ended_is_reported() -> None:
    collection = recovered(contacted(POOR), PAID_AT)
    alert = of_news(collection, only(collection), PAID_AT)
    assert alert.kind is AlertKind.REPORT
    assert alert.text.splitlines() == ["120.00 EUR of bakery-rosa, 2026-10: recovered", "paid: pi_1"]
    assert todo(alert) == "python starter.py collections show bakery-rosa --period 2026-10"


def test_what_belongs_to_nobody_is_reported_with_the_command_that_compares() -> None:
    alert = of_report("", Period("2026-10"), 1, "a payment of nobody's", PAID_AT)
    assert (alert.customer_id, todo(alert)) == ("", "python starter.py reconcile --period 2026-10")


def ids(*alerts: Alert) -> set[str]:
    return {alert.alert_id for alert in alerts}


def test_a_repeat_is_the_same_alert_and_whatever_says_something_else_is_another() -> None:
    now = at("2026-11-04 12:00")
    month = accepted(drafted(10000), "halt", at("2026-11-02 12:00"))
    again = month.alerted(now)
    collection = contacted(POOR, days=22)
    assert ids(of_month(month, now), of_month(month, now + timedelta(minutes=1))) == ids(of_month(month, now))
    assert ids(of_draft(month, now)) == ids(of_draft(again, now + DAY))
    different: list[Any] = [of_month(month, now), of_month(again, now), of_draft(month, now)]
    different += [of_collection(collection, now), of_collection(collection.alerted(now), now)]
    different += [of_report("acme", Period("2026-10"), number, text, now) for number in (1, 2) for text in ("a", "b")]
    assert len(ids(*different)) == len(different)


def test_the_draft_of_a_month_that_was_read_anew_is_told_once() -> None:
    month = announced(10000)
    assert ids(of_draft(month, month.notice_at)) == ids(of_draft(charged(ChargeStatus.SUCCEEDED, 500), month.charge_at))
