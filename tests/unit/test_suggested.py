"""Every command that people are told to type exists, and takes what stands there."""

import ast
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer.main

from billing.accounting.reconciliation import PeriodBooks, compare
from billing.apart import Failed
from billing.collections.stages import CollectionStage, NewCardTry
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
from billing.customers.erasure import ErasureObstacles, Scrubber, obstacle
from billing.invoices.stages import Stage
from billing.keys import collection_id, workflow_id
from billing.progress import Braked, Failure, Halted
from billing.receivables.doubts import Doubt, DoubtKind
from billing.receivables.incoming import PaymentRow
from billing.receivables.instructions import Instruction, InstructionKind, InstructionState
from billing.receivables.journal import NOTHING_OWED, AccountKind, Balance, PaymentName
from billing.receivables.listing import AccountTotal
from billing.remedies import ExtraLine, Remedy, RemedyAction
from billing.reviewers.alerts import (
    Alert,
    of_collection,
    of_draft,
    of_drift,
    of_former_address,
    of_lost_event,
    of_month,
    of_news,
    of_report,
    of_worker,
)
from billing.reviewers.money_alerts import of_doubt, of_proposal
from billing.sales.sales import SalesSnapshot
from billing.subscribers.service import CallState, Service, ServiceCause, ServiceChange, ServiceState
from billing.tasks.task import Task, TaskKind
from cli.app import app
from console.reviewers.remedies import remedy_page
from orders.findings import ended_credit, paid_unreleased, released_unpaid, unread
from orders.order import Agreement, Order, OrderLine, OrderStanding, Release, ReleaseKind
from orders.ports import EndedCredit
from orders.service.findings import ServiceOrderFaults, service_order_findings
from orders.service.service_order import ServiceStage, ServiceStanding
from orders.unreleased import Hold, Unreleased
from tests.debts import only, settled, with_fields
from tests.suggested import commands_in, parsed, todo
from tests.unit import collecting
from tests.unit.covering import ACME, GONE, MANUAL, NOW, PERIOD, TANAKA, cells, drafted, halted, seen, snapshot
from tests.unit.months import accepted, announced, opened
from tests.unit.months import drafted as month_drafted
from tests.unit.test_reconciliation import DEBT, MONTH, PAYMENT
from tests.unit.test_tariff_check import AGREED
from wording.remedies import command_line

_LOST = AccountTotal(
    kind=AccountKind.BILLED, rail=None, currency="eur", opening_minor=-500, debited_minor=0, credited_minor=0
)
ROOT = Path(__file__).parents[2]
QUOTE = 'it\'s; $(rm -rf /) "now" --by=me'
READ = snapshot([(ACME.mailbox, "10", "Tea")])
PAID = seen(ACME, drafted(ACME, READ))
RESUME = RemedyAction.RESUME_COLLECTION.of("acme", PERIOD)
WITHOUT = {FindingKind.EARLY_ROW, FindingKind.STANDSTILL, FindingKind.STRAY}  # of the latter two, Temporal's own tool
"""Kinds of finding that no command mends: a row has to be moved."""


def waiting(stage: Stage, **fields: Any) -> CustomerSnapshot:
    account = seen(ACME, drafted(ACME, READ), stage=stage)
    assert account.month is not None
    return account._replace(month=account.month._replace(**fields))


UNKNOWN = PaymentRow(
    rail="transfer",
    reference=QUOTE,
    digest="d",
    customer_id=None,
    amount_minor=500,
    currency="eur",
    paid_at=NOW,
    booked_at=NOW,
    unmatched_minor=500,
)
PROPOSED = Instruction(
    instruction_id="3f2a",
    kind=InstructionKind.ASSIGN,
    payment=UNKNOWN.name,
    reference=QUOTE,
    customer_id="acme",
    subject=None,
    amount_minor=500,
    currency="eur",
    refund_reference="",
    by="ann",
    reason="asked",
    via="cli",
    at=NOW,
    state=InstructionState.PROPOSED,
)


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
    for finding in (*everything, *announcement_findings([UNTOLD]), *bill_findings([UNTOLD_BILL])):
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


@pytest.mark.parametrize("action", RemedyAction)
def test_no_action_is_a_word_that_an_erasure_may_take_for_a_name(action: RemedyAction) -> None:
    for name in action.split("_"):
        assert Scrubber("acme", [name, name.title()]).text(f'"{action}"') == f'"{action}"'


def test_what_the_console_has_a_page_for_is_a_link_and_the_rest_a_command() -> None:
    pages = {action: remedy_page(action.of("acme", PERIOD), PERIOD) for action in RemedyAction}
    assert pages[RemedyAction.RELEASE_BRAKE] == "/desk/brake"
    assert pages[RemedyAction.RESUME] == "/desk/2026-10/invoices/acme"
    assert remedy_page(RemedyAction.RESTART.of("acme"), PERIOD) == "/desk/2026-10/invoices/acme"
    assert remedy_page(RemedyAction.ADD_LINES.of("acme"), PERIOD) is None, "the month that is current is not known"
    assert pages[RemedyAction.CONFIRM] == "/desk/money"
    of_payment = RemedyAction.ASSIGN.of().evolve(rail="transfer", reference="7731")
    digest = PaymentName.of("transfer", "7731").digest
    assert remedy_page(of_payment, PERIOD) == f"/desk/money/payment?rail=transfer&digest={digest}"
    assert remedy_page(RemedyAction.RESUME_ORDER.of().evolve(order_number="1042"), PERIOD) == "/desk/orders/1042"
    assert remedy_page(RemedyAction.SHOW_TASK.of().evolve(task=7), PERIOD) == "/desk/tasks/7"
    assert pages[RemedyAction.REFRESH] == "/desk/2026-10/invoices/acme?compare=1#sheet"
    assert pages[RemedyAction.WRITE_OFF] == (
        "/desk/2026-10/coverage/remedy?action=write_off&customer=acme&month=2026-10"
    )
    owed = RemedyAction.RECORD_PAYMENT.of("acme", PERIOD).evolve(amount_minor=1250, currency="eur")
    form = "/desk/money/record?customer=acme&month=2026-10&currency=eur&amount=12.50"
    assert remedy_page(owed, PERIOD) == form
    for action in (RemedyAction.RUN_DOCTOR, RemedyAction.TERMINATE_WORKFLOW, RemedyAction.START_FROM_FILE):
        assert pages[action] is None


@pytest.mark.parametrize("action", RemedyAction)
def test_every_remedy_is_a_command_that_takes_what_the_remedy_names(action: RemedyAction) -> None:
    of_customer = Remedy(action=action, customer_id="acme", period=PERIOD, workflow_id="monthly-billing-acme")
    detailed = of_customer.evolve(
        line_ids=("row-2", "row-3"),
        lines=(ExtraLine(description=QUOTE, amount_minor=700),),
        amount_minor=1000,
        currency="eur",
        rail="transfer",
        reference="pi_1",
        instruction_id="3f2a",
        order_number="1042",
    )
    for remedy in (of_customer, detailed):
        line = command_line(takes(remedy))
        if line.startswith("temporal workflow "):
            assert shlex.split(line)[-2:] == ["--workflow-id", "monthly-billing-acme"]
        else:
            (words,) = commands_in(line)
            parsed(words)


def takes(remedy: Remedy) -> Remedy:
    """Without a customer or a period that the remedy is not about."""
    paid = (RemedyAction.SHOW_PAYMENT, RemedyAction.ASSIGN, RemedyAction.REFUND, RemedyAction.SETTLE_PAYOUT)
    of_payment = (*paid, RemedyAction.CONFIRM)
    of_register = (RemedyAction.SHOW_REGISTER, RemedyAction.TAKE_REGISTER, RemedyAction.CONFIRM_REGISTER)
    of_order = (RemedyAction.SHOW_ORDER, RemedyAction.RESUME_ORDER, RemedyAction.SEND_ORDER_AGAIN)
    of_desk = (RemedyAction.SHOW_SUBSCRIBER, RemedyAction.SHOW_ANNOUNCEMENT, RemedyAction.SHOW_TASK)
    everybody = (
        *(RemedyAction.START_FROM_FILE, RemedyAction.FINISH_REGISTRATIONS, RemedyAction.LIST_MONTHS),
        *(RemedyAction.RELEASE_BRAKE, RemedyAction.CHECK_COVERAGE, RemedyAction.RECONCILE, RemedyAction.RUN_DOCTOR),
        *(*of_payment, *of_order, *of_register, *of_desk),
    )
    timeless = (
        *(RemedyAction.START_FROM_FILE, RemedyAction.CLOSE_ACCOUNT, RemedyAction.SETTLE, RemedyAction.SEND_CARD_LINK),
        *(RemedyAction.FINISH_REGISTRATIONS, RemedyAction.RELEASE_BRAKE, RemedyAction.RUN_DOCTOR),
        *(*of_payment, *of_order, *of_register, *of_desk),
    )
    return remedy.evolve(
        customer_id="" if remedy.action in everybody else remedy.customer_id,
        period=None if remedy.action in timeless else remedy.period,
        announcement=7 if remedy.action is RemedyAction.SHOW_ANNOUNCEMENT else None,
        task=7 if remedy.action is RemedyAction.SHOW_TASK else None,
    )


def alerts() -> Iterator[Alert]:
    month = month_drafted(10000)
    at = month.notice_at
    ann = {"by": "ann", "reason": "look"}
    yield of_draft(month, at)
    yield of_drift(month, "1 row", at)
    yield of_report("acme", PERIOD, 1, "x", at)
    yield of_report("", PERIOD, 1, "x", at)
    yield of_former_address(month, at)
    yield of_lost_event("evt_1", "pi_1", at, "x", at)
    yield of_lost_event("evt_1", "", at, "x", at)
    for kind in DoubtKind:
        yield of_doubt(Doubt(kind=kind, text="x"), UNKNOWN, "key", at)
    yield of_proposal(PROPOSED, at)
    yield of_worker(workflow_id("acme"), at)
    yield of_worker(collection_id("acme"), at)
    yield of_month(accepted(month, "halt", at, **ann), at)
    yield of_month(month_drafted(10000, unreadable=True), at)
    for mode in ("approve", "manual"):
        yield of_month(month_drafted(terms={"review_mode": mode}), at)
    yield of_month(opened(), at)
    yield of_month(announced(10000).evolve(brake=Braked(text="the brake is on")), at)
    owed = collecting.opened()
    for each in (
        owed,
        owed.evolve(brake=Braked(text="the brake is on")),
        owed.evolve(trouble=Failure(text="no answer")),
        with_fields(owed, attempt=NewCardTry()),
        collecting.accepted(owed, "halt", collecting.on(owed, 1)),
    ):
        yield of_collection(each, owed.give_up_at + timedelta(days=1))
    given_up = settled(owed, CollectionStage.WRITTEN_OFF, at)
    yield of_news(given_up, only(given_up), at)


def test_every_alert_says_what_to_type() -> None:
    for alert in alerts():
        (words,) = commands_in(todo(alert))
        parsed(words)


def test_a_collection_that_the_brake_stops_waits_for_its_release() -> None:
    owed = collecting.opened().evolve(brake=Braked(text="the brake is on"))
    assert todo(of_collection(owed, owed.since)) == "python starter.py brake off --by YOU --reason WHY"


@pytest.mark.parametrize(
    "standing",
    [
        ErasureObstacles(True, (), (), (), NOTHING_OWED),
        ErasureObstacles(False, ("2026-10",), (), (), NOTHING_OWED),
        ErasureObstacles(False, (), ("2026-10",), (), NOTHING_OWED),
        ErasureObstacles(False, (), (), (), Balance(owed=(), credits={"eur": -300})),
    ],
)
def test_what_is_in_the_way_of_an_erasure_says_what_to_type(standing: ErasureObstacles) -> None:
    refusal = obstacle("acme", standing)
    assert refusal is not None
    assert refusal[1] is not None
    (words,) = commands_in(command_line(refusal[1]))
    parsed(words)


def sources() -> Iterator[tuple[str, str]]:
    """The path of each command that stands anywhere in the program's words."""
    for path in (*ROOT.glob("*.py"), *(each for name in FOLDERS for each in (ROOT / name).rglob("*"))):
        if path.suffix == ".py":
            tree = ast.parse(path.read_text())
            texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        elif path.suffix in (".html", ".txt"):
            texts = [path.read_text()]
        else:
            continue
        for text in texts:
            if isinstance(text, str):
                for words in re.findall(r"python starter\.py ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", text):
                    yield f"{path.relative_to(ROOT)}", words


FOLDERS = (
    "billing",
    "cli",
    "clients",
    "workflows",
    "services",
    "activities",
    "adapters",
    "inbound",
    "console",
    "sandbox",
)


def test_every_command_that_the_program_speaks_of_exists() -> None:
    found = list(sources())
    assert len(found) > 50
    for where, words in found:
        command: Any = typer.main.get_command(app)
        for word in words.split():
            if not hasattr(command, "commands"):
                break  # an argument
            assert word in command.commands, f"{where}: {words}"
            command = command.commands[word]


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
