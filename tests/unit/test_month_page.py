"""The geometry and the words of a month's page: the fortnight, the year, sums, work, an invoice's last totals."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.completeness.chains import ChainStatus, Standstill
from billing.completeness.report import FindingKind
from billing.completeness.tally import Tally
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import Stage
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.overview import ActionNeeded, Coming, ComingStep, StageTotal, Work, YearSum, compared
from console.reviewers.invoice.sparkline import sparkline
from console.reviewers.month import fortnight as coming
from console.reviewers.month import year as yearly
from console.reviewers.month.sums import currency_sums, stage_parts
from console.reviewers.month.work import finding_rows, standstill_rows, work_rows
from console.reviewers.wording import customers, money

NOVEMBER, OCTOBER = Period("2026-11"), Period("2026-10")
NOW = datetime(2026, 12, 1, 15, 30, tzinfo=UTC)


def step(kind: ComingStep, days: float, count: int = 1, total_minor: int = 0, currency: str = "eur") -> Coming:
    at = NOW + timedelta(days=days)
    return Coming(step=kind, at=at, currency=currency, count=count, total_minor=total_minor)


def total(stage: Stage, currency: str, customers: int, total_minor: int = 0, drafts: int | None = None) -> StageTotal:
    drafted = customers if drafts is None else drafts
    return StageTotal(stage=stage, currency=currency, customers=customers, drafts=drafted, total_minor=total_minor)


def need(customer_id: str, minor: int = 100, stage: str = "Monitoring") -> ActionNeeded:
    fields = {"customer_id": customer_id, "name": customer_id, "timezone": "UTC", "stage": stage, "currency": "eur"}
    return ActionNeeded.model_validate({**fields, "amount_minor": minor, "next_at": None, "needs": None})


# -- the fortnight


def test_nothing_comes_without_a_plot() -> None:
    assert coming.fortnight([], NOW) is None


def test_the_fortnight_stacks_its_steps_by_day_from_today_on() -> None:
    plot = coming.fortnight(
        [
            step(ComingStep.NOTICE, 0, 2),
            step(ComingStep.CHARGE, 3, 3, 1000),
            step(ComingStep.CHARGE, 3.1, 1, 5, "jpy"),
            step(ComingStep.DUE, 3, 4, 500),
        ],
        NOW,
    )
    assert plot is not None
    assert [day.at.day for day in plot.days] == list(range(1, 15))
    assert (plot.most, plot.days[3].total, plot.days[1].bars) == (8, 8, [])
    charges, dues = plot.days[3].bars
    assert charges.title == "4 charges"
    assert dues.y + dues.height == pytest.approx(charges.y), "stacked, the later on top"
    assert charges.y + charges.height == coming.HEIGHT
    assert plot.days[3].sums == {"eur": 1500, "jpy": 5}
    assert [(each.words, each.number, each.first.day) for each in plot.legends] == [
        ("notices", 2, 1),
        ("charges", 4, 4),
        ("bills due", 4, 4),
    ]
    assert plot.days[0].x >= 0
    assert plot.days[-1].x + plot.days[-1].width <= 100


# -- the year


def test_the_year_has_twelve_months_and_the_currency_of_the_month_first() -> None:
    sums = [
        YearSum(period=NOVEMBER, currency="eur", charged_minor=80, unpaid_minor=20, skipped_minor=0),
        YearSum(period=OCTOBER, currency="eur", charged_minor=40, skipped_minor=10),
        YearSum(period=OCTOBER, currency="usd", charged_minor=-5),
        YearSum(period=OCTOBER, currency="aud", charged_minor=5),
    ]
    charts = yearly.year_charts(sums, NOVEMBER, ["usd", "eur", "jpy"])
    assert [chart.currency for chart in charts] == ["usd", "eur", "aud"]
    euros = charts[1]
    assert [bar.sums.period for bar in euros.bars][::11] == ["2025-12", "2026-11"]
    assert (euros.most_minor, euros.charged_minor, euros.unpaid_minor) == (100, 120, 20)
    assert [part.tone for part in euros.bars[-1].segments] == ["good", "bad"]
    assert [part.tone for part in euros.bars[-2].segments] == ["good", "quiet"]
    assert charts[0].bars[-2].segments == [], "a credit is no bar"


# -- sums, and the month before


def test_sums_are_rows_by_currency_the_largest_first() -> None:
    totals = [
        total(Stage.PAID, "jpy", 1, 900),
        total(Stage.MONITORING, "eur", 2, 100),
        total(Stage.PAID, "eur", 5, 4000),
        total(Stage.SCHEDULED, "eur", 1, 0, drafts=0),
    ]
    euros, yen = currency_sums(totals)
    assert (euros.currency, euros.customers, euros.drafts, euros.total_minor) == ("eur", 8, 7, 4100)
    assert [(row.stage, row.share) for row in euros.rows] == [
        (Stage.PAID, 100),
        (Stage.MONITORING, 2.5),
        (Stage.SCHEDULED, 0),
    ]
    assert yen.total_minor == 900
    assert [(part.stage, part.customers) for part in stage_parts(totals)] == [
        (Stage.SCHEDULED, 1),
        (Stage.MONITORING, 2),
        (Stage.PAID, 6),
    ]


def test_a_month_without_all_drafts_is_not_compared() -> None:
    before = [total(Stage.PAID, "eur", 2, 2000), total(Stage.PAID, "usd", 1, 500)]
    euros, dollars = compared([total(Stage.SCHEDULED, "eur", 1, drafts=0), total(Stage.PAID, "eur", 1, 900)], before)
    assert (euros.undrafted, euros.change) == (1, None)
    assert dollars.change == -100, "nobody is billed in dollars any more"
    (complete,) = compared([total(Stage.PAID, "eur", 2, 3000)], before[:1])
    assert (complete.undrafted, complete.change) == (0, 50)


# -- work


def test_only_what_waits_for_one_reason_or_for_an_approval_is_decided_at_once() -> None:
    def row(stage: str, reason: str | None = None, collecting: bool = False) -> tuple[str, str, str]:
        work = Work(
            stage=stage, reason=reason, collecting=collecting, count=2, next_at=None, sums={}, members=(need("acme"),)
        )
        (made,) = work_rows([work])
        return made.tone, made.text, made.decision

    assert row("Halted", "halted by ann: row 7") == ("act", "Halted by ann: row 7", "resume")
    assert row("Halted")[2] == "", "each has rows of its own to be corrected"
    assert row("AwaitingApproval") == ("act", "Waits for an approval", "approve")
    assert row("AwaitingSales", "the sheet is down")[2] == ""
    assert row("Halted", collecting=True) == ("bad", "The collection needs a person", "")


def test_what_stands_still_is_one_row_for_each_cause_and_no_finding_beside_it() -> None:
    standstill = Standstill(
        {"acme": ChainStatus.TERMINATED, "bolt": ChainStatus.TERMINATED, "coal": ChainStatus.PAUSED}
    )
    rows = list(standstill_rows(standstill, [need(name) for name in ("acme", "bolt", "coal")]))
    assert [(row.text, row.number, row.tone) for row in rows] == [
        ("Its workflow was terminated", 2, "bad"),
        ("Its workflow is paused in Temporal", 1, "bad"),
    ]
    assert rows[0].remedies["acme"] == RemedyAction.RESTART.of("acme")
    tally = Tally()
    for name in ("acme", "zed"):
        tally.find(FindingKind.NO_WORKFLOW, name, f"{name} has no running workflow")
    tally.find(FindingKind.APPROVAL, "dune", "dune waits for an approval")
    for number in (7, 8):
        tally.find(FindingKind.UNCLAIMED, "", f"row {number}")
    findings = finding_rows(tally.coverage(NOVEMBER, NOW, {}), standstill.customers)
    assert [(each.kind, each.number, each.worst.text) for each in findings] == [
        (FindingKind.NO_WORKFLOW, 1, "zed has no running workflow"),
        (FindingKind.UNCLAIMED, 2, "row 7"),
    ]


# -- an invoice's last totals


def invoice(period: str, total_minor: int, stage: Stage = Stage.PAID, currency: str = "eur") -> InvoiceRow:
    return InvoiceRow(
        customer_id="acme",
        period=Period(period),
        stage=stage,
        currency=currency,
        total_minor=total_minor,
        version=1,
        problems=0,
        next_at=None,
        updated_at=NOW,
    )


def test_the_last_totals_are_a_line_that_ends_with_this_month() -> None:
    rows = [
        invoice("2026-08", 50, Stage.SKIPPED),
        invoice("2026-09", 100),
        invoice("2026-10", 60, currency="usd"),
        invoice("2026-11", 150, Stage.MONITORING),
        invoice("2026-12", 1, Stage.SCHEDULED),
    ]
    spark = sparkline(rows, NOVEMBER, "eur")
    assert spark is not None
    assert [row.period for row in spark.rows] == ["2026-09", "2026-11"]
    assert (spark.change, len(spark.points.split())) == (50, 2)
    assert spark.points.endswith(f"{spark.x},{spark.y}")
    assert sparkline(rows, Period("2026-09"), "eur") is None, "there is nothing to compare with"
    assert sparkline(rows, Period("2026-07"), "eur") is None


def test_numbers_are_written_one_way_with_one_minus() -> None:
    assert customers(1000) == "1,000 customers"
    assert customers(1) == "1 customer"
    assert money(-31040, "aud") == "\N{MINUS SIGN}A$310.40"
