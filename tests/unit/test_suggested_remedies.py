"""Every remedy is a command that exists and takes what it names, or a page of the console."""

import shlex

import pytest

from billing.customers.erasure import Scrubber
from billing.receivables.journal import PaymentName
from billing.remedies import ExtraLine, Remedy, RemedyAction
from console.reviewers.remedies import remedy_page
from tests.suggested import commands_in, parsed
from tests.unit.covering import PERIOD
from tests.unit.suggesting import QUOTE
from wording.remedies import command_line


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
