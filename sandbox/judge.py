"""The judge: was a month billed as promised?

    evidence = await gather(folder, ledger, period)
    for check in judge(evidence):
        print(check.name, "ok" if check.ok else check.wrong)

Workflows are not asked: see sandbox/evidence.py.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from billing.model import Model
from billing.money import format_amount
from billing.month import Stage
from billing.ports import LetterKind, MessageStatus
from sandbox.evidence import Case, Evidence, Intent, minor_of
from sandbox.mailbox import Mail


class Check(Model):
    """One promise, and what breaks it: nothing, if it holds."""

    name: str
    wrong: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.wrong


def judge(evidence: Evidence) -> list[Check]:
    """Every promise, held against the evidence."""
    checks: dict[str, Callable[[Evidence], Iterator[str]]] = {
        "every customer has one outcome, the one that sheet, reviewers and card call for": _outcomes,
        "charges equal the sheet with the accepted edits, to the minor unit": _amounts,
        "nobody is charged twice": _twice,
        "no charge without an earlier notice of the same amount, at least min_notice before": _notices,
        "nothing is charged that was skipped, halted, carried forward or not due": _nothing,
        "ledger and Stripe tell of the same payments": _agreement,
        "every outcome is told to the customer, once, and no other mail is sent": _letters,
        "every customer is in the next month now": _chain,
    }
    return [Check(name=name, wrong=tuple(find(evidence))) for name, find in checks.items()]


def _outcomes(evidence: Evidence) -> Iterator[str]:
    yield from evidence.strangers
    if not evidence.cases:
        yield "there are no customers"
    for case in evidence.cases:
        outcome = case.month.outcome if case.month else None
        if outcome is None or outcome != case.due:
            yield f"{case.customer_id} is {outcome or 'open'}, should be {case.due or 'open'}"


def _amounts(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        assert case.month is not None
        currency = case.month.customer.currency
        charged = sum(intent.now["amount_received"] for intent in case.intents)
        expected = case.total_minor if case.due is Stage.PAID else 0
        if charged != expected:
            yield f"{case.customer_id}: {format_amount(charged, currency)}, not {format_amount(expected, currency)}"
        for intent in case.intents:
            if (intent.now["amount"], intent.now["currency"]) != (case.total_minor, currency):
                yield f"{case.customer_id}: {intent.now['id']} asks for {intent.now['amount']} {intent.now['currency']}"


def _twice(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        charged = [intent.now["id"] for intent in case.intents if intent.charged]
        if len(charged) > 1:
            yield f"{case.customer_id}: {', '.join(charged)}"


def _notices(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        for intent in case.intents:
            yield from (f"{case.customer_id}: {wrong}" for wrong in _notice_of(evidence, case, intent))


def _notice_of(evidence: Evidence, case: Case, intent: Intent) -> Iterator[str]:
    notices = [row for row in case.messages if row.kind is LetterKind.NOTICE and row.status is MessageStatus.SENT]
    if not notices or case.month is None or case.month.charging_since is None:
        yield "no notice"
        return
    notice = max(notices, key=lambda row: row.number)
    mail, currency = evidence.arrival(notice.message_id), case.month.customer.currency
    ahead = case.month.charging_since - notice.at
    if notice.total_minor != intent.now["amount"]:
        yield f"the last notice says {notice.total_minor}, the charge {intent.now['amount']} (minor units)"
    if ahead < case.month.customer.terms.min_notice:
        yield f"the notice came only {ahead} before the charge"
    if mail is None or mail.to != case.month.customer.email:
        yield "the notice never arrived"
    elif _minor_told(mail, currency) != intent.now["amount"]:
        yield f"the mail says {mail.subject!r}"
    elif intent.attempted_at is not None and _arrived_at(mail) >= intent.attempted_at:
        yield "the notice arrived after the charge"


def _nothing(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        if case.intents and not case.is_charged:
            yield f"{case.customer_id} is {case.due}, but has {len(case.intents)} payments"
        since = case.month.charging_since if case.month else None
        for halt in case.accepted("halt"):
            resumed = [each.at for each in case.accepted("resume") if each.number > halt.number]
            if since is not None and halt.at <= since and not any(at <= since for at in resumed):
                yield f"{case.customer_id} was charged while it was halted"


def _agreement(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        stripe = {(i.now["id"], i.charged, i.now["amount"], i.now["currency"]) for i in case.intents}
        ledger = {(c.payment_id, c.status == "succeeded", c.amount_minor, c.currency) for c in case.charges}
        if stripe != ledger:
            yield f"{case.customer_id}: Stripe {sorted(stripe)}, ledger {sorted(ledger)}"


def _letters(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        sent = Counter(row.kind for row in case.messages if row.status is MessageStatus.SENT)
        expected = {
            LetterKind.RECEIPT: int(case.due is Stage.PAID),
            LetterKind.DECLINE: int(case.is_charged and case.due is not Stage.PAID),
        }
        for kind, number in expected.items():
            if sent[kind] != number:
                yield f"{case.customer_id}: {sent[kind]} of {kind}, should be {number}"
        if sent[LetterKind.NOTICE] and not case.is_charged and case.due is not Stage.SKIPPED:
            yield f"{case.customer_id}: a charge notice, but {case.due}"
        for row in case.messages:
            if row.status is MessageStatus.SENT and evidence.arrival(row.message_id) is None:
                yield f"{case.customer_id}: {row.kind} {row.number} never arrived"
    if unknown := evidence.letters()["unknown"]:
        yield f"{unknown} mails that the ledger does not know"


def _chain(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        if case.next_month is None or case.next_month.outcome is not None:
            yield f"{case.customer_id} is not in {evidence.period.next()}"


def _minor_told(mail: Mail, currency: str) -> int | None:
    """The amount in the subject of a notice, such as ``Invoice for November 2026: €1,330.40 on 8 December 2026``."""
    told = re.search(r": (.+) on ", mail.subject)
    return minor_of(re.sub(r"[^\d.-]", "", told[1]), currency) if told else None


def _arrived_at(mail: Mail) -> datetime:
    return datetime.strptime(mail.path.name.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
