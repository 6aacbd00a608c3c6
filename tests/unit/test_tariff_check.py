"""What was agreed for an account is billed once, by the right amount, or a person hears of it."""

from datetime import date
from typing import Any

from billing.completeness.report import CompletenessReport, FindingKind
from billing.completeness.snapshots import CustomerSnapshot
from billing.invoices.invoice import ChangeLine, Invoice, RemoveLine
from billing.invoices.stages import Stage
from billing.remedies import RemedyAction
from billing.tariffs.items import Agreed, Discount, Subscription
from billing.tariffs.lines import lines_of
from billing.tariffs.tariff import Tariff, TariffVersion
from tests.unit.covering import ACME, GONE, NOW, PERIOD, TANAKA, drafted, seen, snapshot, surveyed

ACCOUNT = "1000009"
NET = Tariff(
    code="net",
    name="Net",
    currency="eur",
    versions=(TariffVersion(starts_on=date(2026, 1, 1), fee_minor=3100),),
)
OWN: dict[str, Any] = {"customer_id": "acme", "account": ACCOUNT}
AGREED = Agreed(
    (
        Subscription(**OWN, tariff="net", starts_on=date(2026, 10, 16)),
        Discount(**OWN, key="d", percent=10, text="Autumn", starts_on=date(2026, 10, 1), ends_on=date(2026, 12, 1)),
    ),
    {"net": NET},
)
FEE = f"fee-{ACCOUNT}-16"
READ = snapshot([("acme@example.com", "5", "Tea")])
BILLED = drafted(ACME, READ).evolve(lines=(*lines_of(PERIOD, AGREED, "eur"), *drafted(ACME, READ).lines))


def told(invoice: Invoice | None, stage: Stage = Stage.PAID, **changes: Any) -> CompletenessReport:
    return surveyed(READ, as_seen(invoice, stage, **changes))


def as_seen(invoice: Invoice | None, stage: Stage = Stage.PAID, **changes: Any) -> CustomerSnapshot:
    return seen(ACME, invoice, stage)._replace(**{"agreed": AGREED, **changes})


def without(line_id: str) -> Invoice:
    return BILLED.evolve(lines=tuple(line for line in BILLED.lines if line.line_id != line_id))


def test_tariffs_are_billed_beside_the_sheet_and_both_are_covered() -> None:
    report = told(BILLED)
    assert report.covered
    [only] = report.sums
    assert (only.sheet_minor, only.invoiced_minor, only.tariffs_minor) == (500, 500, 1440)


def test_a_fee_that_is_not_on_the_invoice_is_found_with_its_line() -> None:
    report = told(without(FEE).evolve(carried_minor=0))
    [finding] = report.findings
    assert finding.kind is FindingKind.TARIFF
    assert (
        f"not on the invoice of 2026-10: Net, 2026-10-16 to 2026-10-31, account {ACCOUNT} (16.00 EUR)" in finding.text
    )
    [remedy] = finding.remedies
    assert remedy.action is RemedyAction.ADD_LINES
    assert [line.amount_minor for line in remedy.lines] == [1600]


def test_a_day_that_was_lost_and_a_fee_that_was_billed_twice_are_found() -> None:
    fee = BILLED.lines[0]
    assert fee.tariff is not None
    lost = fee.evolve(amount_minor=1500, tariff=fee.tariff.evolve(amount_minor=1500))
    [finding] = told(BILLED.evolve(lines=(lost, *BILLED.lines[1:]))).findings
    assert f"line {FEE} bills 15.00 EUR, and 16.00 EUR was agreed" in finding.text
    twice = told(BILLED.evolve(lines=(fee, *BILLED.lines)))
    assert f"line {FEE} is billed 2 times" in twice.findings[0].text
    [finding] = told(BILLED, agreed=Agreed(AGREED.items[:1], AGREED.tariffs)).findings
    assert "bills -1.60 EUR, and nothing was agreed" in finding.text


def test_what_a_reviewer_has_made_of_a_line_is_no_finding() -> None:
    edited = BILLED.edited((ChangeLine(line_id=FEE, amount_minor=1), RemoveLine(line_id=BILLED.lines[1].line_id)))
    assert edited.waived == (f"discount-{ACCOUNT}-16",)
    assert told(edited).covered


def test_a_month_that_is_not_drafted_yet_or_was_skipped_lacks_nothing() -> None:
    assert FindingKind.TARIFF not in told(None, Stage.SCHEDULED).kinds
    assert FindingKind.TARIFF not in told(without(FEE), Stage.SKIPPED).kinds


def test_a_tariff_of_somebody_who_is_not_billed_is_found() -> None:
    gone = CustomerSnapshot(GONE, NOW, closed_at=NOW, closed_reason="ann: moved", agreed=AGREED)
    [finding] = surveyed(snapshot([]), gone).findings
    assert finding.text.startswith("gone is closed (ann: moved), but has a tariff in 2026-10: Net,")
    later = CustomerSnapshot(ACME, NOW, agreed=AGREED)
    [finding] = surveyed(snapshot([]), later).findings
    assert finding.text.startswith("acme begins with 2026-11, but has a tariff in 2026-10: Net,")


def test_a_suspended_day_is_not_missed() -> None:
    days = {ACCOUNT: {date(2026, 10, 20)}}
    billed = BILLED.evolve(lines=lines_of(PERIOD, AGREED, "eur", days))
    assert FindingKind.TARIFF not in told(billed, suspended=days).kinds
    assert told(billed).kinds[FindingKind.TARIFF] == 2


def test_a_tariff_in_another_currency_is_found_and_nobody_else_is_affected() -> None:
    read = snapshot([("acme@example.com", "5", "Tea"), ("tanaka@example.com", "7", "Cup")])
    tanaka = seen(TANAKA, drafted(TANAKA, read))._replace(agreed=AGREED)
    report = surveyed(read, tanaka, as_seen(BILLED))
    [finding] = report.findings
    assert (finding.kind, finding.customer_id) == (FindingKind.TARIFF, "tanaka")
    assert "is billed in JPY" in finding.text
