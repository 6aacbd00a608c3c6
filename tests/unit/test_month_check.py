"""A month that is missing or halted is one finding, with its reason and what to type."""

from datetime import timedelta

import pytest

from billing.completeness.chains import ChainStatus
from billing.completeness.check import CompletenessCheck
from billing.completeness.report import CustomerState, FindingKind
from billing.completeness.snapshots import CustomerSnapshot
from billing.invoices.stages import Stage
from tests.suggested import todo
from tests.unit.covering import ACME, NOW, PERIOD, TANAKA, drafted, halted, seen, snapshot, surveyed


@pytest.mark.parametrize("runs", [True, False, None])
def test_a_month_that_is_not_there_is_missing_unless_the_chain_is_on_its_way_to_it(runs: bool | None) -> None:
    behind = CustomerSnapshot(ACME, NOW, first=PERIOD.previous(), last=PERIOD.previous())
    found = surveyed(snapshot([]), behind, runs=runs)
    assert found.customers == {"acme": CustomerState.MISSING if runs is False else CustomerState.WAITING}
    lost = behind._replace(first=PERIOD.previous(), last=PERIOD.next())
    assert surveyed(snapshot([]), lost, runs=runs).customers == {"acme": CustomerState.MISSING}


def test_the_emergency_brake_is_one_finding_however_many_it_stops() -> None:
    read = snapshot([])
    stopped = seen(ACME, drafted(ACME, read), stage=Stage.HALTED)
    assert stopped.month is not None
    month = stopped.month._replace(braked=True, needs="the emergency brake is on: last year's sheet")
    found = surveyed(
        read, stopped._replace(month=month), CustomerSnapshot(TANAKA, NOW, first=PERIOD, last=PERIOD, month=month)
    )
    assert found.kinds == {FindingKind.HALTED: 1}
    assert "(2 customers)" in found.findings[0].text
    assert "brake off" in todo(found.findings[0])
    assert found.states[CustomerState.HALTED] == 2


def test_a_month_halted_by_a_row_that_was_deleted_since_is_a_finding() -> None:
    before = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "#REF!", "Cup")])
    needs = "row 3 of worksheet 2026-10 cannot be read: no amount"
    found = surveyed(snapshot([(ACME.mailbox, "10", "Tea")]), halted(before, needs))
    assert found.kinds == {FindingKind.HALTED: 1}
    assert found.findings[0].text == f"acme: {needs}"
    for word in ("edit acme", "--remove row-3", "refresh", "skip"):
        assert word in todo(found.findings[0])


def test_a_month_halted_by_a_total_that_cannot_be_charged_is_a_finding() -> None:
    read = snapshot([(ACME.mailbox, "900000", "Mill"), (ACME.mailbox, "900000", "Barn")])
    found = surveyed(read, halted(read, "1800000.00 EUR is more than can be charged at once"))
    assert found.kinds == {FindingKind.HALTED: 1}
    assert "edit acme" in todo(found.findings[0])


def test_a_month_halted_by_a_row_that_still_cannot_be_read_is_one_finding() -> None:
    read = snapshot([(ACME.mailbox, "#REF!", "Cup")])
    assert surveyed(read, halted(read, "row 2 cannot be read")).kinds == {FindingKind.UNREADABLE: 1}


def test_a_month_halted_by_its_draft_is_a_finding_while_the_sheet_is_down() -> None:
    blind = CompletenessCheck(PERIOD, NOW, None)
    blind.take(halted(snapshot([(ACME.mailbox, "#REF!", "Cup")]), "row 2 cannot be read"), ChainStatus.RUNNING)
    assert blind.coverage().kinds == {FindingKind.HALTED: 1}


@pytest.mark.parametrize("stage", [Stage.PAID, Stage.SKIPPED, Stage.MONITORING])
def test_a_month_that_was_over_when_the_customer_was_started_is_not_late(stage: Stage) -> None:
    read = snapshot([(ACME.mailbox, "10", "Tea")])
    account = seen(ACME, drafted(ACME, read), stage=stage)
    assert account.month is not None
    month = account.month
    if stage is not Stage.MONITORING:
        month = month._replace(charge_at=NOW, closed_at=NOW + timedelta(minutes=1))
    began_late = account._replace(opened_at=NOW - timedelta(hours=1), month=month)
    assert surveyed(read, began_late).late == ()
    if stage is not Stage.SKIPPED:
        (late,) = surveyed(read, began_late._replace(opened_at=account.opened_at)).late
        assert late.customer_id == "acme"


def test_a_month_that_people_skipped_late_was_not_to_be_charged() -> None:
    read = snapshot([(ACME.mailbox, "10", "Tea")])
    account = seen(ACME, drafted(ACME, read), stage=Stage.SKIPPED)
    assert account.month is not None
    assert surveyed(read, account._replace(month=account.month._replace(closed_at=NOW + timedelta(days=9)))).late == ()
