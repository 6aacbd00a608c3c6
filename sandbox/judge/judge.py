"""The judge: were months billed as promised? Each promise is a function that yields what breaks it.

    broken = [check for check in judge(await gather(folder, ledger, period)) if not check.ok]

Nothing comes from a workflow: see sandbox/judge/evidence.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from billing.customers.address import sendable
from billing.customers.customer import ReviewMode
from billing.invoices.stages import UNPAID_OUTCOMES, Stage
from billing.mails.mail import CustomerMailKind, MessageStatus
from billing.model import Model
from billing.money import format_amount
from billing.reviewers.alerts import AlertKind
from sandbox.judge.collected import collected, diaries, gaps, people_know, reminders, waiting_months
from sandbox.judge.events import differing_events
from sandbox.judge.evidence import CustomerEvidence, Evidence, MonthEvidence
from sandbox.judge.expected import announced
from sandbox.judge.journal import differing_books
from sandbox.judge.orders.promises import (
    open_links,
    unasked,
    unreleased,
    untold_people,
    untold_production,
    wrongly_released,
)
from sandbox.judge.rails.bank_promises import untold_differences, wrongly_answered
from sandbox.judge.rails.stripe_journal import Intent
from sandbox.judge.service_orders.promises import PROMISES
from sandbox.judge.subscribers.message_promises import repeated_texts, several_ladders, untold_bills, wrongly_pressed
from sandbox.judge.subscribers.service_promises import wrongly_provisioned, wrongly_restricted
from sandbox.judge.subscribers.tariff_promises import wrongly_billed_tariffs


class PromiseResult(Model):
    """One promise, and what breaks it: nothing, if it holds."""

    name: str
    wrong: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.wrong


def judge(evidence: Evidence) -> list[PromiseResult]:
    """Every promise, held against the evidence."""
    checks: dict[str, Callable[[Evidence], Iterator[str]]] = {
        "every customer has one outcome a month, the one that sheet, reviewers and card call for": _outcomes,
        "charges equal the sheet with the accepted edits and the balance, to the minor unit": _amounts,
        "nobody is charged twice": _twice,
        "no charge without an earlier notice of the same amount, at least min_notice before": _notices,
        "nothing is charged that was skipped, halted, carried forward or not due": _nothing,
        "ledger and Stripe tell of the same payments": _agreement,
        "the journal has every movement of money, once": differing_books,
        "other systems are told of every movement of money, once, in each customer's order": differing_events,
        "every command took effect once, or was refused with a reason": _commands,
        "every outcome is told to the customer, once, and no other mail is sent": _letters,
        "nobody is reminded of what they owe twice within a day": reminders,
        "every customer is in the next month, has left, or waits for a person who knows": _chain,
        "everything that reviewers were to be told has reached them by mail": _alerts,
        "an order is released once, as agreed, when paid enough, never while halted, braked or ended": wrongly_released,
        "every order that is paid enough is released": unreleased,
        "production is told of every release, once, with exactly what was agreed": untold_production,
        "an order changes and ends as people have asked, or expires unpaid": unasked,
        "people are told of an order's money that came too late or went back, and of what was rejected": untold_people,
        "no link asks for what an order no longer costs": open_links,
        "what a bank was told is paid is booked once, and its repeats are answered alike": wrongly_answered,
        "people are told of what a bank's register and the journal do not have alike": untold_differences,
        "a service is restricted only while something is overdue, and restored with the money": wrongly_restricted,
        "provisioning has every change of a service, in order, and none that the money has undone": wrongly_provisioned,
        "every bill without a card is told once, by the channels agreed": untold_bills,
        "no text is sent twice, and the vendor's texts are the ledger's": repeated_texts,
        "nobody is warned or restricted outside contact hours, or restricted without a warning": wrongly_pressed,
        "each account has one ladder, and is told of what it owes at most once a day": several_ladders,
        "every tariff is billed once, and to the day": wrongly_billed_tariffs,
        **PROMISES,
        "no log has an account number, and nothing has a personal number": lambda evidence: iter(evidence.exposed),
    }
    return [PromiseResult(name=name, wrong=tuple(find(evidence))) for name, find in checks.items()]


def _outcomes(evidence: Evidence) -> Iterator[str]:
    yield from evidence.strangers
    if not evidence.cases and not evidence.orders.orders and not evidence.services.anything:
        yield "there are no customers"
    for case in evidence.cases:
        if case.month.outcome != case.due.outcome:
            yield f"{case.name} is {case.month.outcome or 'open'}, should be {case.due.outcome or 'open'}"


def _amounts(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        currency, due = case.month.customer.currency, case.due
        if case.received_minor != case.expected_minor:
            charged, expected = (format_amount(m, currency) for m in (case.received_minor, case.expected_minor))
            yield f"{case.name}: charged {charged}, not {expected}"
        if case.month.invoice is not None and case.month.carried_minor != due.carried_minor:
            taken_minor = case.month.carried_minor
            yield f"{case.name}: the draft takes over {taken_minor}, the months before left {due.carried_minor}"
        for intent in case.tried:
            requested = (intent.now["amount"], intent.now["currency"], intent.now["customer"])
            if requested != (due.total_minor, currency, case.month.customer.payer_id):
                yield f"{case.name}: {intent.now['id']} asks for {requested}, due are {due.total_minor} {currency}"


def _twice(evidence: Evidence) -> Iterator[str]:
    """By payments, by the charges within them, and by the keys that name a month's payment."""
    keys: Counter[str] = Counter()
    for case in evidence.all_cases:
        charged = [intent for intent in case.intents if intent.charged]
        if len(charged) > 1:
            yield f"{case.name}: {', '.join(intent.now['id'] for intent in charged)}"
        for intent in (*case.intents, *case.links):
            if len(intent.moved) > 1:
                yield f"{case.name}: {intent.now['id']} moved money by {', '.join(intent.moved)}"
        keys.update(intent.now["metadata"]["billing_key"] for intent in charged)
    yield from (f"{key}: {times} payments" for key, times in keys.items() if times > 1)


def _notices(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        for intent in case.tried:
            yield from (f"{case.name}: {wrong}" for wrong in _notice_of(evidence, case, intent))


def _notice_of(evidence: Evidence, case: MonthEvidence, intent: Intent) -> Iterator[str]:
    """The last notice that arrived before the charge is the one that counts."""
    since, customer = case.charged_since, case.month.customer
    rows = {row.message_id: row for row in case.messages if row.kind is CustomerMailKind.NOTICE}
    mails = evidence.arrivals(*rows)
    if not mails or since is None:
        yield "no notice arrived"
        return
    before = [mail for mail in mails if intent.attempted_at is None or mail.arrived_at < intent.attempted_at]
    if len(before) < len(mails):
        yield "a notice arrived after the charge"
    if not before:
        return
    mail, row = before[-1], rows[before[-1].message_id]
    announced_minor, announced_day = announced(mail.subject, customer.currency)
    if row.status is not MessageStatus.SENT or (row.total_minor, announced_minor) != (intent.now["amount"],) * 2:
        yield f"the last notice ({row.status}) says {mail.subject!r}, the charge is {intent.now['amount']}"
    if since - row.at < timedelta(hours=customer.terms.min_notice_hours):
        yield f"the notice came only {since - row.at} before the charge"
    if announced_day is None or since.astimezone(ZoneInfo(customer.timezone)).date() < announced_day.date():
        yield f"the charge began at {since}, the notice says {mail.subject!r}"
    if mail.to != (address := sendable(case.script.email_at(row.at))):
        yield f"the notice went to {mail.to}, not to {address}"


def _nothing(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        skipped_in_time = case.due.outcome is Stage.SKIPPED and case.month.charging is None
        if any(intent.attempted_at for intent in case.intents) and (not case.due.is_charged or skipped_in_time):
            yield f"{case.name} is {case.due.outcome}, but its card was charged"
        since = case.charged_since
        for halt in case.accepted("halt"):
            resumed = [resume.at for resume in case.accepted("resume") if resume.number > halt.number]
            if since is not None and halt.at <= since and not any(at <= since for at in resumed):
                yield f"{case.name} was charged while it was halted"


def _agreement(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        stripe = {(i.now["id"], i.charged, i.now["amount"], i.now["currency"]) for i in case.intents}
        ledger = {(c.payment_id, c.status == "succeeded", c.amount_minor, c.currency) for c in case.charges}
        if stripe != ledger:
            yield f"{case.name}: Stripe {sorted(stripe)}, ledger {sorted(ledger)}"


def _commands(evidence: Evidence) -> Iterator[str]:
    """Their effects on charges and outcomes are judged above."""
    for account in evidence.accounts:
        decisions = account.script.decisions
        ids = Counter(decision.command_id for decision in decisions if decision.accepted and decision.command_id)
        yield from (f"{account.customer_id}: {name} took effect {n} times" for name, n in ids.items() if n > 1)
        for began, numbers in diaries(account).items():
            yield from (f"{account.customer_id}: {wrong}" for wrong in gaps(f"the diary since {began}", numbers))
        for case in account.cases:
            if case.debt and case.debt.outcome is None and account.owed_minor[case.period] <= 0:
                yield f"{case.name} is still collected, although it is paid"
    for case in evidence.all_cases:
        yield from (f"{case.name}: {wrong}" for wrong in (*_commands_of(case), *collected(case)))


def _commands_of(case: MonthEvidence) -> Iterator[str]:
    yield from gaps("the audit trail", [decision.number for decision in case.decisions])
    since = case.charged_since
    for decision in case.decisions:
        command = f"{decision.command} of {decision.by}"
        if not decision.result:
            yield f"{command} has no result on record"
        late = since is not None and decision.at > since and decision.command in ("halt", "edit", "approve")
        if decision.accepted and late:
            yield f"{command} was accepted after the charge had begun"
    by_former_address = case.month.invoice is not None and bool(case.month.invoice.former_rows)
    if since is not None and (case.month.customer.terms.review_mode is not ReviewMode.MONITOR or by_former_address):
        edits = [edit for edit in case.accepted("edit") if edit.at <= since]
        last, editor = (edits[-1].number, edits[-1].by) if edits else (0, "")
        approvals = [approve for approve in case.accepted("approve") if approve.number > last and approve.at <= since]
        if all(approve.by.casefold() == editor.casefold() for approve in approvals):
            yield "charged without the approval of somebody who had not edited it"


def _letters(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        due = case.due
        arrived = {row.message_id for row in case.messages if evidence.arrivals(row.message_id)}
        refused = {row.message_id for row in case.messages if row.status is MessageStatus.FAILED}
        counts = Counter(row.kind for row in case.messages if row.message_id in arrived | refused)
        expected = {
            CustomerMailKind.RECEIPT: int(case.month.customer.email is not None and _is_thanked(case)),
            CustomerMailKind.DECLINE: int(due.is_charged and due.outcome is not Stage.PAID),
        }
        for kind, number in expected.items():
            if counts[kind] != number:
                yield f"{case.name}: {counts[kind]} of {kind}, should be {number}"
        least = case.month.customer.payment_method.minimum_minor(case.month.customer.currency)
        for row in case.messages:
            if row.status is MessageStatus.SENT and row.message_id not in arrived:
                yield f"{case.name}: {row.kind} {row.number} never arrived"
            for mail in evidence.arrivals(row.message_id):
                if mail.to != row.recipient:
                    yield f"{case.name}: {row.kind} {row.number} went to {mail.to}"
            if row.kind is CustomerMailKind.NOTICE and (row.total_minor or 0) < least:
                yield f"{case.name}: a charge notice of {row.total_minor}"
    if unknown := evidence.letters()["unknown"]:
        yield f"{unknown} mails that the ledger does not know"


def _is_thanked(case: MonthEvidence) -> bool:
    """Also for a bill that credit has paid, so that nothing was collected."""
    is_paid_at_once = case.due.outcome is Stage.BILLED and case.collection is None
    return case.due.outcome is Stage.PAID or case.recovered or is_paid_at_once


def _chain(evidence: Evidence) -> Iterator[str]:
    for account in evidence.accounts:
        periods = [case.period for case in account.cases]
        for before, after in pairwise(periods):
            if before.next() != after:
                yield f"{account.customer_id}: from {before} to {after}"
        for case, following in pairwise(account.cases):
            unpaid = case.month.outcome in UNPAID_OUTCOMES and case.collection is None
            if case.period in evidence.periods and unpaid and following.month.revision:
                yield f"{case.name} is {case.month.outcome}, and nobody collects it"
        for case in account.cases:
            if case.stage and case.stage.needs_person and not people_know(evidence, case):
                yield f"what is owed for {case.name} is {case.stage}, and nobody was told"
        if periods[-1] in evidence.periods:
            yield from _last(evidence, account, account.cases[-1])
        elif any(case.accepted("close_account") for case in account.cases[:-1]):
            yield f"{account.customer_id} is in {periods[-1]}, although the account was closed before"


def _last(evidence: Evidence, account: CustomerEvidence, case: MonthEvidence) -> Iterator[str]:
    """A customer whose months end with one that is judged."""
    has_left = account.closed_reason and any(case.accepted("close_account") for case in account.cases)
    if case.month.outcome is None and (case.customer_id, case.period) not in waiting_months(evidence):
        yield f"{case.name} is open, and nobody was told what it waits for"
    if case.month.outcome is not None and not has_left:
        yield f"{account.customer_id} is not in {case.period.next()}"


def _alerts(evidence: Evidence) -> Iterator[str]:
    """By what the mails say, and whether the digest of every alert has arrived; drafts are one line together."""
    reported, orders, arrived = evidence.reported(), evidence.reported_orders(), evidence.digests()
    for alert in evidence.alerts:
        matter = (alert.kind, alert.customer_id, alert.period)
        about = f"{alert.kind} of {alert.customer_id or 'nobody'}, {alert.period}: {alert.text!r}"
        if alert.told_at is None or alert.digest_id not in arrived:
            yield f"nobody was told: {about}"
        elif alert.order_number:
            if (alert.kind, alert.order_number) not in orders:
                yield f"no mail tells of order {alert.order_number}: {about}"
        elif alert.customer_id and alert.kind is not AlertKind.DRAFT and matter not in reported:
            yield f"no mail tells: {about}"
