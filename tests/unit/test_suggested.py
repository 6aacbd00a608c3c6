"""Every finding says what to type: the command exists, and takes what stands there."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.accounting.reconciliation import PeriodBooks, compare
from billing.apart import Failed
from billing.collections.stages import CollectionStage
from billing.completeness.announcement_check import Untold, announcement_findings
from billing.completeness.bill_check import UntoldBill, bill_findings
from billing.completeness.chains import Chain, ChainStatus
from billing.completeness.check import CompletenessCheck
from billing.completeness.report import CompletenessReport, Finding, FindingKind
from billing.completeness.service_check import ServiceFaults, WithoutTariff, service_findings
from billing.completeness.snapshots import (
    CustomerSnapshot,
    DebtSnapshot,
    FormerAddress,
    MonthSnapshot,
    UncarriedDebt,
    UncollectedDebt,
)
from billing.invoices.stages import Stage
from billing.progress import Halted
from billing.receivables.journal import AccountKind
from billing.receivables.listing import AccountTotal
from billing.remedies import RemedyAction
from billing.sales.sales import SalesSnapshot
from billing.subscribers.service import CallState, Service, ServiceCause, ServiceChange, ServiceState
from billing.tasks.task import Task, TaskKind
from orders.findings import ended_credit, paid_unreleased, released_unpaid, unread
from orders.order import Agreement, Order, OrderLine, OrderStanding, Release, ReleaseKind
from orders.ports import EndedCredit
from orders.service.findings import ServiceOrderFaults, service_order_findings
from orders.service.service_order import ServiceStage, ServiceStanding
from orders.unreleased import Hold, Unreleased
from tests.suggested import commands_in, parsed, todo
from tests.unit.covering import ACME, GONE, MANUAL, NOW, PERIOD, TANAKA, cells, drafted, halted, seen, snapshot
from tests.unit.november_books import DEBT, MONTH, PAYMENT
from tests.unit.suggesting import PROPOSED, QUOTE, UNAPPROVED, UNKNOWN
from tests.unit.test_tariff_check import AGREED

_LOST = AccountTotal(
    kind=AccountKind.BILLED, rail=None, currency="eur", opening_minor=-500, debited_minor=0, credited_minor=0
)
READ = snapshot([(ACME.mailbox, "10", "Tea")])
PAID = seen(ACME, drafted(ACME, READ))
RESUME = RemedyAction.RESUME_COLLECTION.of("acme", PERIOD)
WITHOUT = {FindingKind.EARLY_ROW, FindingKind.STANDSTILL, FindingKind.STRAY}  # of the latter two, Temporal's own tool
"""Kinds of finding that no command mends: a row has to be moved."""


def waiting(stage: Stage, **fields: Any) -> CustomerSnapshot:
    account = seen(ACME, drafted(ACME, READ), stage=stage)
    assert account.month is not None
    return account._replace(month=account.month._replace(**fields))


def surveys() -> Iterator[CompletenessReport]:
    """All kinds of findings, and of some kinds what else is said about them."""
    yield workflow_survey()
    yield month_survey(PAID, ChainStatus.ABSENT)
    yield month_survey(PAID._replace(agreed=AGREED), ChainStatus.RUNNING)
    for account in waiting_months():
        yield month_survey(account, ChainStatus.RUNNING)
    for rows, accounts in changed_sheets():
        yield sheet_survey(rows, accounts)


def workflow_survey() -> CompletenessReport:
    """Workflows that are not where their customers are, and a customer at whom the check itself fails."""
    astray = Chain("by hand", "MonthlyBilling", ChainStatus.PAUSED, ACME.customer_id)
    missing = CustomerSnapshot(ACME, NOW, first=PERIOD.previous(), last=PERIOD.previous())
    lost = CustomerSnapshot(TANAKA, NOW, first=PERIOD.previous(), last=PERIOD.next())
    closed = CustomerSnapshot(GONE, NOW, closed_at=NOW - timedelta(hours=2), closed_reason="moved")
    survey = CompletenessCheck(PERIOD, NOW, cells(READ), READ.rows, [astray])
    survey.stands_still(astray)
    survey.take(missing, ChainStatus.ABSENT)
    survey.take(lost, ChainStatus.RUNNING)
    survey.take(closed, ChainStatus.RUNNING)
    survey.stray("ghost")
    survey.fail(Failed(customer_id="odd", reason="RuntimeError"))
    survey.balances([_LOST])
    survey.unmatched(UNKNOWN)
    survey.owed_again(UncollectedDebt(customer_id="acme", period=PERIOD, currency="eur", owed_minor=1200))
    survey.uncarried(UncarriedDebt(customer_id="buyer", currency="eur", owed_minor=1200))
    for state in ("proposed", "under_way"):
        survey.waits(PROPOSED.evolve(state=state))
    everything = (*of_orders(), *service_findings(of_services()), *service_order_findings(of_service_orders()))
    for finding in (*everything, *announcement_findings([UNTOLD], [UNAPPROVED], NOW), *bill_findings([UNTOLD_BILL])):
        survey.take_finding(finding)
    return survey.coverage()


def of_services() -> ServiceFaults:
    """Service accounts that are not as they should be, in every way."""
    on = Service(
        number="1000009",
        customer_id="acme",
        state=ServiceState.ACTIVE,
        cause=ServiceCause.PAID,
        state_at=NOW,
        position=4,
    )
    off = on.evolve(state=ServiceState.SUSPENDED, cause=ServiceCause.NON_PAYMENT)
    states = (ServiceState.ACTIVE, ServiceCause.PAID), (off.state, off.cause), ("disconnected", "terminated")
    untold = [
        ServiceChange(
            **on.model_dump(include={"number", "customer_id", "position"}),
            state=ServiceState(state),
            cause=ServiceCause(cause),
            key=cause,
            at=NOW,
            by=None,
            reason=cause,
            call=CallState.REFUSED,
            answer="no such account",
        )
        for state, cause in states
    ]
    without = tuple(WithoutTariff(service=on, begins_on=day) for day in (None, PERIOD.last_day))
    return ServiceFaults(paid=(off,), untold=tuple(untold), without_tariff=without, closed=(on,), unbilled=(on,))


UNTOLD = Untold(number=7, starts_at=NOW, numbers=2)
UNTOLD_BILL = UntoldBill(customer_id="acme", period=PERIOD, currency="eur", owed_minor=1200)


def of_service_orders() -> ServiceOrderFaults:
    standing = ServiceStanding(
        number="77",
        customer_id="acme",
        procedure="connect",
        title="Connect a subscriber",
        step="installation",
        step_title="Install",
        kind="task",
        position=2,
        step_since=NOW,
        stage=ServiceStage.AWAITING_TASK,
        revision=2,
        opened_at=NOW,
        due_at=NOW,
        ends_at=None,
        next_at=NOW,
        currency="eur",
    )
    task = Task(
        kind=TaskKind.STEP,
        key="order 77 2",
        customer_id="acme",
        department="crew",
        order_number="77",
        step="installation",
        number=7,
        opened_at=NOW,
    )
    others = [task.evolve(kind=kind, order_number=None, account="1000009") for kind in TaskKind]
    return ServiceOrderFaults(still=(standing,), unowned=(task, *others[1:]))


def of_orders() -> Iterator[Finding]:
    lines = (OrderLine(description="Sign", amount_minor=500),)
    order = Order(
        number="1042", customer_id="acme", currency="eur", agreed=Agreement(lines=lines), opened_at=NOW, opened_by=""
    )
    halt = Halted(by="ann", reason="look", at=NOW)
    waiting = OrderStanding(order=order.evolve(halt=halt), owed_minor=0)
    for hold in Hold:
        found = Unreleased(standing=waiting, kind=ReleaseKind.PRODUCTION, hold=hold, since=NOW, free_since=NOW)
        yield paid_unreleased(found)
    release = Release(kind=ReleaseKind.PRODUCTION, version=1, at=NOW, position=1, owed_minor=0)
    yield released_unpaid(OrderStanding(order=order.evolve(releases=(release,)), owed_minor=500))
    left = {"number": "1042", "customer_id": "acme", "currency": "eur", "credit_minor": 5}
    yield ended_credit(EndedCredit.model_validate(left | {"end": "cancelled"}))
    yield unread(Failed(customer_id="1042", reason="RuntimeError"))


def waiting_months() -> Iterator[CustomerSnapshot]:
    yield waiting(Stage.HALTED, halted=True)
    yield waiting(Stage.HALTED, braked=True)
    yield halted(READ, "the total is too high")
    yield halted(snapshot([(ACME.mailbox, "x", "Cup"), (ACME.mailbox, "y", "Pot")]), "rows cannot be read")
    yield waiting(Stage.AWAITING_APPROVAL)
    yield seen(MANUAL, drafted(MANUAL, READ), stage=Stage.AWAITING_APPROVAL)
    yield waiting(Stage.AWAITING_SALES, version=0)
    yield waiting(Stage.UNRESOLVED)
    yield waiting(Stage.MONITORING, next_at=NOW - timedelta(days=1))
    yield waiting(Stage.PAST_DUE)  # not collected
    yield waiting(Stage.PAST_DUE)._replace(debt=DebtSnapshot(CollectionStage.HALTED, "halted", RESUME))


def month_survey(account: CustomerSnapshot, chain: ChainStatus) -> CompletenessReport:
    survey = CompletenessCheck(PERIOD, NOW, None)
    survey.take(account, chain)
    return survey.coverage()


def changed_sheets() -> Iterator[tuple[SalesSnapshot, list[CustomerSnapshot]]]:
    """Sheets with rows that nobody has billed as they stand, and whom they may concern."""
    renamed = waiting(Stage.MONITORING)._replace(former=(FormerAddress("old@acme.example"),))
    yield snapshot([("old@acme.example", "4", "Tea")]), [renamed]
    later = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "7", QUOTE), (ACME.mailbox, "x", "Cup")])
    yield later, [PAID]
    yield later, [waiting(Stage.MONITORING)]
    unreadable = snapshot([(ACME.mailbox, "x", "Cup")])
    yield unreadable, [seen(ACME, drafted(ACME, unreadable))]
    yield snapshot([(ACME.mailbox, "11", "Tea")]), [PAID._replace(month=_as_collected(PAID, "11"))]
    strangers = snapshot([("acme@exmaple.com", "1", "Tea"), (GONE.mailbox, "2", "Tea"), (TANAKA.mailbox, "3", "Tea")])
    begins = CustomerSnapshot(TANAKA, NOW, first=PERIOD.next(), last=PERIOD.next())
    moved = CustomerSnapshot(GONE, NOW, closed_at=NOW, closed_reason="moved")
    yield strangers, [PAID, begins, moved]


def sheet_survey(read: SalesSnapshot, accounts: list[CustomerSnapshot]) -> CompletenessReport:
    survey = CompletenessCheck(PERIOD, NOW, cells(read), read.rows)
    for account in accounts:
        survey.take(account, ChainStatus.ABSENT if account.closed_at else ChainStatus.RUNNING)
    return survey.coverage()


def _as_collected(account: CustomerSnapshot, amount: str) -> MonthSnapshot:
    """The digest of the present sheet, but another amount: what nobody can explain."""
    digest = snapshot([(ACME.mailbox, amount, "Tea")]).digest
    assert account.month is not None
    return account.month._replace(lines=tuple(line._replace(digest=digest) for line in account.month.lines))


def test_every_kind_of_finding_says_what_to_type() -> None:
    found = [each for coverage in surveys() for each in coverage.findings]
    assert {each.kind for each in found} == set(FindingKind)
    for each in found:
        commands = commands_in(todo(each))
        assert commands or each.kind in WITHOUT or "restore the ledger" in todo(each) or "correct" in todo(each), each
        for words in commands:
            parsed(words)


def test_words_of_a_sheet_are_one_word_of_the_command() -> None:
    later = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "7", QUOTE), (ACME.mailbox, "-2", "Credit; old")])
    (finding,) = sheet_survey(later, [PAID]).findings
    (words,) = commands_in(todo(finding))
    assert words[-4:] == ["--add", f"{QUOTE} (2026-10)=7.00", "--add", "Credit; old (2026-10)=-2.00"]
    assert parsed(words) == "edit"


@pytest.mark.parametrize("stage", [Stage.MONITORING, Stage.PAST_DUE])
def test_a_payment_by_hand_of_what_is_still_owed_says_how_to_record_it(stage: Stage) -> None:
    by_hand = PAYMENT.evolve(key="", customer_id="", period="")
    books = PeriodBooks(
        period=MONTH.period,
        months=(MONTH.evolve(stage=stage),),
        charges=(),
        debts=(DEBT,) if stage is Stage.PAST_DUE else (),
        payments=(by_hand,),
        payers={"cus_1": "acme"},
    )
    (finding,) = compare(books)
    (words,) = commands_in(todo(finding))
    assert parsed(words) == ("skip" if stage is Stage.MONITORING else "payments record")
