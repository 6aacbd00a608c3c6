"""What the Temporal UI says of each workflow for good: a line, and who should touch it how, in Markdown. Ids only."""

from typing import Final, TypedDict

from billing.markdown import escaped


class About(TypedDict):
    """As ``start_workflow`` and a schedule's action take it.

    A run that continues as new has none: there the current details have it.
    """

    static_summary: str
    static_details: str


DIGEST: Final = About(
    static_summary="sends digests to the reviewers",
    static_details=(
        "Gathers alerts, and sends them as one digest by mail and to the other channels. "
        "A digest that cannot be sent stays here until address or server is corrected.\n\n"
        "Ends by itself; the next alert starts it again."
    ),
)
COMPLETENESS: Final = About(
    static_summary="checks that every customer and every row is covered",
    static_details=(
        "Compares ledger, running workflows and sheet for this month and the last. It changes nothing.\n\n"
        "The same at any time: `python starter.py coverage`"
    ),
)
RECONCILIATION: Final = About(
    static_summary="compares Stripe with the ledger",
    static_details=(
        "Looks up the payments of the last three months at Stripe, repairs what has one answer, and lists the rest.\n\n"
        "The same at any time: `python starter.py reconcile`"
    ),
)


def month_of(customer_id: str) -> About:
    customer = escaped(customer_id)
    return About(
        static_summary=f"bills {customer}, month by month",
        static_details=(
            "Imports the sales of a month, lets reviewers look, announces the amount, charges it, and goes on with the "
            "next month.\n\n"
            f"Look: `python starter.py show {customer}`. Stop the clock: the update **halt**, or *Halt* in the "
            "console.\n\n"
            f"**Do not terminate it**: nobody would bill {customer} until `python starter.py start {customer}`."
        ),
    )


def collection_of(customer_id: str) -> About:
    customer = escaped(customer_id)
    return About(
        static_summary=f"collects what {customer} has not paid",
        static_details=(
            "Tries the card again, reminds and restricts, as the customer's terms or ladder say, until nothing is "
            "owed.\n\n"
            f"Look: `python starter.py collections show {customer}`. Stop the clock: the update **halt**.\n\n"
            f"**Do not terminate it**: what {customer} owes would stay owed, and nobody would ask for it."
        ),
    )


def order(number: str, customer_id: str) -> About:
    return About(
        static_summary=f"looks after order {escaped(number)} of {escaped(customer_id)}",
        static_details=(
            "Lets the order expire, releases it after the emergency brake, and reminds people of what needs them. "
            "The order itself is in the ledger.\n\n"
            f"{_of_order(number)}"
        ),
    )


def service_order(number: str, customer_id: str, title: str) -> About:
    return About(
        static_summary=f"{escaped(title)}: order {escaped(number)} of {escaped(customer_id)}",
        static_details=(
            "Lets the time of the order's steps pass: delays, and deadlines of tasks and payments. "
            "The order itself is in the ledger.\n\n"
            f"{_of_order(number)}"
        ),
    )


def _of_order(number: str) -> str:
    return (
        f"Look: `python starter.py orders show {escaped(number)}`. If it is terminated, nothing is lost: the daily "
        "check begins it again."
    )
