"""Texts and layouts of all mails: ``render`` returns the subject, a text part and an HTML part.

Each kind of mail has one template, ``templates/KIND.txt``, with its subject, title, prose and facts. Two layouts,
``layout.txt`` and ``layout.html``, make both parts of it, so they have the same content.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.dunning import CardRemedy
from billing.collections.stages import Purpose
from billing.customers.customer import Customer
from billing.customers.ways_to_pay import WaysToPay
from billing.invoices.versions import Correction, LineChange
from billing.mails.mail import OF_COLLECTION, CustomerMail, CustomerMailKind, RenderedMail, StepMail
from billing.money import sums_text
from billing.reviewers.digest import Digest, Item, headline, sections
from billing.texts.text import ConsequenceKind
from wording.english import date_text, invoice_rows, money_text, month_text, one_line, why
from wording.remedies import command_line

_TEXT_WIDTH = 72
_CHANGES_SHOWN = 20
_ASKING = (CustomerMailKind.DECLINE, CustomerMailKind.REMINDER)
_RESTRICTING = (CustomerMailKind.WARNING, CustomerMailKind.SUSPENDED)
_RESTRICTIONS = {
    ConsequenceKind.LIMIT: "slow your service down",
    ConsequenceKind.SUSPEND: "suspend your service",
    ConsequenceKind.DISCONNECT: "disconnect your service",
}
_ABOUT_CARD = (
    CustomerMailKind.WELCOME,
    CustomerMailKind.CARD_LINK,
    CustomerMailKind.CARD_WANTED,
    CustomerMailKind.INVITATION,
)
_ACTIONS = {
    CardRemedy.NEW_CARD: "Register a new card",
    CardRemedy.AUTHENTICATE: "Confirm the payment",
    **dict.fromkeys((CardRemedy.RETRY, CardRemedy.RETRY_FEW, CardRemedy.PERSON), "Pay or use another card"),
}
"""Labels of the link in a customer's mail."""


def render(mail: CustomerMail, strip: str = "") -> RenderedMail:
    """The mail in English, dates in the customer's time zone. Its month must have reached the stage of its kind.

    ``strip`` is what stands above it: that it is a test ("": it is none).
    """
    values, template = _values(mail) | {"strip": strip}, "bill.txt" if _is_bill(mail) else f"{mail.kind}.txt"
    subject, _, text = _TEXT.get_template(template).render(values, layout="layout.txt").partition("\n")
    html = _HTML.get_template(template).render(values, layout="layout.html")
    return RenderedMail(subject, text, html)


def render_step(mail: StepMail, strip: str = "") -> RenderedMail:
    """The mail in its own language."""
    values = mail.model_dump(include={"language", "text", "link", "action"})
    values |= {"subject": mail.subject, "rows": [], "strip": strip}
    text = _TEXT.get_template("step.txt").render(values, layout="layout.txt").partition("\n")[2]
    return RenderedMail(mail.subject, text, _HTML.get_template("step.txt").render(values, layout="layout.html"))


def _is_bill(mail: CustomerMail) -> bool:
    """Whether it is the notice of a month that no card is charged for."""
    return mail.kind is CustomerMailKind.NOTICE and not mail.month.customer.card


def render_digest(digest: Digest, strip: str = "") -> RenderedMail:
    """The digest in English."""
    title = one_line(headline(digest))
    values = {"subject": title, "sections": sections(digest), "strip": strip}
    text, html = _TEXT.get_template("digest.txt"), _HTML.get_template("digest.html")
    return RenderedMail(f"[Billing] {title}", text.render(values), html.render(values))


def _values(mail: CustomerMail) -> dict[str, object]:
    """The templates' variables. Typed text is on one line here, so templates do not take it from ``month``."""
    month, invoice = mail.month, mail.month.invoice
    is_declined = mail.kind is CustomerMailKind.DECLINE
    collection = mail.collection or (Collection.open(month) if is_declined else None)
    collection = None if mail.kind is CustomerMailKind.RESTORED else collection
    debts = _debts(mail, collection) if collection else ()
    customer = collection.customer if collection else month.customer
    is_restricting = mail.kind in _RESTRICTING
    money = partial(money_text, currency=invoice.currency if invoice else customer.currency)
    is_payable = _is_bill(mail) or (mail.kind in _ASKING and any(debt.by_card or not debt.method for debt in debts))
    return {
        "month": month,
        "id": customer.customer_id,
        "name": one_line(customer.name),
        "period": month_text(month.period),
        "card": f"ending in {last4}" if (last4 := customer.last4) else "the one we have on file",
        "rows": [] if mail.kind is CustomerMailKind.RESTORED else invoice_rows(invoice),
        "total": money(invoice.total_minor) if invoice else "",
        "money": money,
        "line": one_line,
        "day": _day(customer),
        "when": partial(date_text, pattern="EEEE, d MMMM y, HH:mm VVV 'time' (OOOO)", zone=customer.timezone),
        "agreed": one_line(mail.agreed),
        "notice_days": customer.terms.min_notice_hours // 24,
        "link": mail.link if mail.kind in _ABOUT_CARD or is_payable or is_restricting else "",
        "account": "" if customer.card else mail.ways.account or "",
        "where_to_pay": one_line(mail.ways.where),
        "consequence": mail.consequence,
        "restriction": _RESTRICTIONS[mail.consequence.action] if mail.consequence else "",
        "owed": None,
        "is_paid_twice": False,
        "correction": mail.correction,
        "by_app": _by_app(mail.ways),
        "changes": list(_changes(mail.correction, money)) if mail.correction else [],
        **(_values_of(collection, debts) if collection and not is_restricting else {}),
        **(_values_of_many(debts, _day(customer)) | {"action": "Pay"} if is_restricting else {}),
    }


def _by_app(ways: WaysToPay) -> list[tuple[str, str]]:
    """A fact, if there is one: by which number the customer pays, and in which apps."""
    return [("Account number", f"{ways.account}, for {one_line(', '.join(ways.apps))}")] if ways.apps else []


def _changes(correction: Correction, money: Callable[[int], str]) -> Iterator[str]:
    """Changes since the last notice, a sentence for each line; the whole invoice follows them."""
    changes = [change for change in correction.changes or () if change.before or change.after]
    for change in changes[:_CHANGES_SHOWN]:
        yield _change(change, money)
    if len(changes) > _CHANGES_SHOWN:
        yield f"And {len(changes) - _CHANGES_SHOWN} more lines have changed."


def _change(change: LineChange, money: Callable[[int], str]) -> str:
    before, after = change.before, change.after
    if after is None:
        assert before is not None
        return f"Removed: {one_line(before.description)}, {money(before.amount_minor)}."
    if before is None:
        return f"Added: {one_line(after.description)}, {money(after.amount_minor)}."
    now = "" if after.amount_minor == before.amount_minor else f" {money(after.amount_minor)} instead of"
    was = "" if after.description == before.description else f" (before: {one_line(before.description)})"
    return f"Changed: {one_line(after.description)}{was},{now} {money(before.amount_minor)}."


def _debts(mail: CustomerMail, collection: Collection) -> tuple[Debt, ...]:
    """What the mail is about: a reminder about everything that is still owed, any other about its month."""
    if mail.kind in OF_COLLECTION:
        return collection.open_debts
    debt = collection.debt(mail.month.period)
    assert debt is not None
    return (debt,)


def _values_of(collection: Collection, debts: Sequence[Debt]) -> dict[str, object]:
    """What is said of the first of ``debts``; of several, those that a card can pay come before the others."""
    debt = next((debt for debt in debts if debt.by_card), debts[0])
    answer, money, day = debt.answer, partial(money_text, currency=debt.currency), _day(collection.customer)
    is_retried = any(debt.retries_by_itself for debt in debts)
    received_minor = 0 if debt.settled else debt.amount_minor - debt.outstanding_minor
    is_early = collection.reminding and collection.rung.day < 0
    values: dict[str, object] = {
        "owed": debt,
        "outstanding": money(debt.outstanding_minor),
        "received": [("Received", money(received_minor))] if received_minor else [],
        "is_paid_twice": bool(debt.paid_by and debt.release and debt.release.purpose is Purpose.COUNT),
        "why": why(answer.decline_code or answer.code) if answer else "",
        "remedy": debt.remedy,
        "tried_at": debt.tried_at or debt.opened_at,
        "next_contact": collection.next_contact,
        "retry_at": collection.next_try if is_retried else None,
        "is_early": is_early,
        "action": _ACTIONS[debt.remedy] if debt.method else "Pay",
    }
    return values | (_values_of_many(debts, day, is_early) if len(debts) > 1 else {"months": 1})


def _values_of_many(debts: Sequence[Debt], day: Callable[[datetime], str], is_early: bool = False) -> dict[str, object]:
    """A reminder about several months lists them in place of an invoice, with their sum in each currency."""
    due = "due on" if is_early else "due since"
    return {
        "months": len(debts),
        "rows": [
            (
                f"{month_text(debt.period)}, {due} {day(debt.opened_at)}",
                money_text(debt.outstanding_minor, debt.currency),
            )
            for debt in debts
        ],
        "total": sums_text(((debt.outstanding_minor, debt.currency) for debt in debts), money_text),
        "by_card": any(debt.by_card for debt in debts),
        "is_charged": any(debt.method for debt in debts),
        "transfers": [month_text(debt.period) for debt in debts if not debt.by_card],
        "action": "Pay, or use another card",
    }


def _day(customer: Customer) -> Callable[[datetime], str]:
    return partial(date_text, pattern="d MMMM y", zone=customer.timezone)


def _wrap(text: str) -> str:
    return textwrap.fill(text.strip(), _TEXT_WIDTH)


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    """Two columns: labels and values."""
    pairs = list(facts)
    width = max(len(label) for label, _ in pairs)
    return "\n".join(_hanging(f"{label:{width}}  ", value) for label, value in pairs)


def _invoice(rows: Iterable[tuple[str, str]], total: str) -> str:
    """Amounts first: they stay aligned whatever the alphabet and length of the descriptions."""
    pairs = [*rows, ("Total", total)]
    width = max(len(amount) for _, amount in pairs)
    lines = [_hanging(f"{amount:>{width}}  ", description) for description, amount in pairs]
    return "\n".join([*lines[:-1], "-" * width, lines[-1]])


def _item(item: Item) -> str:
    """A line of a digest; typed text cannot forge the beginning of a line."""
    first, text = f"  {item.subject}: ", _joined(item.text)
    return textwrap.fill(text, _TEXT_WIDTH, initial_indent=first, subsequent_indent=" " * 6, break_on_hyphens=False)


def _joined(text: str) -> str:
    return "; ".join(filter(None, map(one_line, text.split("\n"))))


def _hanging(first: str, text: str) -> str:
    return textwrap.fill(text, _TEXT_WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=autoescape,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        wrap=_wrap, facts=_facts, invoice=_invoice, told=_joined, item=_item, command=command_line
    )
    return environment


_TEXT = _environment(autoescape=False)
_HTML = _environment(autoescape=True)
