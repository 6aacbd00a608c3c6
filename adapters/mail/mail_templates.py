"""The words and looks of every mail: ``render`` gives the subject, a text part and an HTML part.

Each kind of letter has one template, ``templates/KIND.txt``: its subject, title, prose and facts. It is laid out twice,
by ``layout.txt`` and by ``layout.html``, so both parts always say the same.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing.collections.collection import Collection
from billing.collections.dunning import CardRemedy
from billing.customers.customer import Customer
from billing.invoices.versions import Correction, LineChange
from billing.mails.mail import CustomerMail, CustomerMailKind
from billing.reviewers.digest import Digest, Item, headline, sections
from wording.english import LOCALE, date_text, money_text, one_line, why
from wording.remedies import command_line

_TEXT_WIDTH = 72
_CHANGES_SHOWN = 20
_ASKING = (CustomerMailKind.DECLINE, CustomerMailKind.REMINDER)
_ABOUT_CARD = (CustomerMailKind.WELCOME, CustomerMailKind.CARD_LINK, CustomerMailKind.CARD_WANTED)
_ACTIONS = {
    CardRemedy.NEW_CARD: "Register a new card",
    CardRemedy.AUTHENTICATE: "Confirm the payment",
    **dict.fromkeys((CardRemedy.RETRY, CardRemedy.RETRY_FEW, CardRemedy.PERSON), "Pay or use another card"),
}
"""What the link in a customer's mail is called."""


class MailContent(NamedTuple):
    """A mail's content; the subject is one line."""

    subject: str
    text: str
    html: str


def render(letter: CustomerMail) -> MailContent:
    """The letter in English, dates in the customer's time zone. Its month must have come as far as its kind tells."""
    values = _values(letter)
    subject, _, text = _TEXT.get_template(f"{letter.kind}.txt").render(values, layout="layout.txt").partition("\n")
    html = _HTML.get_template(f"{letter.kind}.txt").render(values, layout="layout.html")
    return MailContent(subject, text, html)


def render_digest(digest: Digest) -> MailContent:
    """What reviewers are told, in English."""
    subject = one_line(headline(digest))
    values = {"subject": subject, "sections": sections(digest)}
    text, html = (_TEXT.get_template("digest.txt").render(values), _HTML.get_template("digest.html").render(values))
    return MailContent(subject, text, html)


def _values(letter: CustomerMail) -> dict[str, object]:
    """What templates see. Text that people typed has gone through ``_line``; take it from here, not from ``month``."""
    month, invoice, owed = letter.month, letter.month.invoice, _owed(letter)
    customer = owed.customer if owed else month.customer
    money = partial(money_text, currency=invoice.currency if invoice else customer.currency)
    rows = [(one_line(line.description), money(line.amount_minor)) for line in invoice.lines] if invoice else []
    if invoice and invoice.carried_minor:
        what = "Carried over from earlier months" if invoice.carried_minor > 0 else "Credit from earlier months"
        rows.append((what, money(invoice.carried_minor)))
    return {
        "month": month,
        "id": customer.customer_id,
        "name": one_line(customer.name),
        "period": format_date(month.period.first_day, "MMMM y", locale=LOCALE),
        "card": f"ending in {last4}" if (last4 := customer.payment_method.last4) else "the one we have on file",
        "rows": rows,
        "total": money(invoice.total_minor) if invoice else "",
        "money": money,
        "line": one_line,
        "day": _day(customer),
        "when": partial(date_text, pattern="EEEE, d MMMM y, HH:mm VVV 'time' (OOOO)", zone=customer.timezone),
        "agreed": one_line(letter.agreed),
        "notice_days": customer.terms.min_notice_hours // 24,
        "link": letter.link if letter.kind in _ABOUT_CARD or (owed and owed.by_card and letter.kind in _ASKING) else "",
        "owed": owed,
        "correction": letter.correction,
        "changes": list(_changes(letter.correction, money)) if letter.correction else [],
        **(_values_of(owed) if owed else {}),
    }


def _changes(correction: Correction, money: Callable[[int], str]) -> Iterator[str]:
    """What has changed since the last notice, a sentence for each line; the whole invoice is below them anyway."""
    changes = [each for each in correction.changes or () if each.before or each.after]
    for each in changes[:_CHANGES_SHOWN]:
        yield _change(each, money)
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


def _owed(letter: CustomerMail) -> Collection | None:
    """What is to be collected; the mail that closes a month tells of it before the collection has begun."""
    return Collection.open(letter.month) if letter.kind is CustomerMailKind.DECLINE else letter.collection


def _values_of(owed: Collection) -> dict[str, object]:
    answer = owed.answer
    assert answer is not None
    money, day = partial(money_text, currency=owed.currency), _day(owed.customer)
    return {
        "outstanding": money(owed.outstanding_minor),
        "received": [
            ("Received", one_line(f"{money(each.amount_minor)} on {day(each.at)}, {each.reference}"))
            for each in owed.received
        ],
        "why": why(answer.decline_code or answer.code),
        "remedy": owed.remedy,
        "tried_at": owed.tried_at or owed.opened_at,
        "retry_at": owed.next_contact if owed.retries_by_itself else None,
        "action": _ACTIONS[owed.remedy],
    }


def _day(customer: Customer) -> Callable[[datetime], str]:
    return partial(date_text, pattern="d MMMM y", zone=customer.timezone)


def _wrap(text: str) -> str:
    return textwrap.fill(text.strip(), _TEXT_WIDTH)


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    """Labels left, what they label right."""
    pairs = list(facts)
    width = max(len(label) for label, _ in pairs)
    return "\n".join(_hanging(f"{label:{width}}  ", value) for label, value in pairs)


def _invoice(rows: Iterable[tuple[str, str]], total: str) -> str:
    """Amounts first: whatever alphabet and length the descriptions have, the amounts stay below each other."""
    pairs = [*rows, ("Total", total)]
    width = max(len(amount) for _, amount in pairs)
    lines = [_hanging(f"{amount:>{width}}  ", description) for description, amount in pairs]
    return "\n".join([*lines[:-1], "-" * width, lines[-1]])


def _item(item: Item) -> str:
    """What a line of a digest tells; typed text cannot begin a line as ours do."""
    first, text = f"  {item.subject}: ", _told(item.text)
    return textwrap.fill(text, _TEXT_WIDTH, initial_indent=first, subsequent_indent=" " * 6, break_on_hyphens=False)


def _told(text: str) -> str:
    return "; ".join(filter(None, map(one_line, text.split("\n"))))


def _hanging(first: str, text: str) -> str:
    return textwrap.fill(text, _TEXT_WIDTH, initial_indent=first, subsequent_indent=" " * len(first))


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(wrap=_wrap, facts=_facts, invoice=_invoice, told=_told, item=_item, command=command_line)
    return environment


_TEXT = _environment(autoescape=False)
_HTML = _environment(autoescape=True)
