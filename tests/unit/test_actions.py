"""The page of a month offers the actions that the month would accept, and no others."""

from datetime import UTC, datetime

import pytest

from billing.completeness.chains import ChainStatus
from billing.invoices.month import Month
from billing.reviewers.users import Role
from console.reviewers.invoice.actions import possible
from tests.unit.months import accepted, announced, charging, drafted, opened

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def names(month: Month, role: Role = Role.ADMINISTRATOR, chain: ChainStatus | None = ChainStatus.RUNNING) -> str:
    return " ".join(action.name for action in possible(month, role, NOW, chain))


@pytest.mark.parametrize(
    ("month", "offered"),
    [
        (opened(), "halt skip close"),
        (drafted(100), "edit halt skip close"),
        (drafted(), "edit halt skip close"),
        (drafted(100, unreadable=True), "edit skip close"),
        (announced(100), "edit halt skip close"),
        (accepted(drafted(100), "halt", NOW), "resume edit skip close"),
        (drafted(100).failed("the sheet has two owners"), "resume edit skip close"),
        (drafted(100).braked("the brake is on"), "edit halt skip close"),
        (charging(100), "close"),
        (charging(100).failed("Stripe refuses the API key"), "resume skip close"),
        (accepted(drafted(100), "close_account", NOW), "edit halt skip"),
        (drafted(100, terms={"review_mode": "approve"}), "approve edit halt skip close"),
        (accepted(drafted(100), "skip", NOW), ""),
    ],
    ids=[
        "no draft",
        "draft",
        "empty draft",
        "unreadable row",
        "announced",
        "halted",
        "failed",
        "braked",
        "charging",
        "charge failed",
        "closing",
        "awaits approval",
        "closed",
    ],
)
def test_what_the_month_would_accept_is_offered(month: Month, offered: str) -> None:
    assert names(month) == offered


def test_a_role_limits_the_actions() -> None:
    assert names(drafted(100), Role.REVIEWER) == "edit halt"
    assert names(drafted(100), Role.VIEWER) == ""


def test_a_closed_workflow_can_only_be_started_and_a_paused_one_takes_no_command() -> None:
    assert names(drafted(100), chain=ChainStatus.TERMINATED) == "start"
    assert names(drafted(100), chain=ChainStatus.PAUSED) == ""
