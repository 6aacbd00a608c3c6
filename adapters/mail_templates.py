"""The words and looks of every mail: ``render(letter)`` gives the subject, a text part and an HTML part.

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

from adapters.wording import LOCALE, date_text, money_text, one_line, why
from billing.collection import Collection
from billing.collection_review import COLLECTION_COMMANDS, decide
from billing.customer import Customer
from billing.difference import Correction, LineChange
from billing.dunning import Remedy
from billing.messages import parse_command
from billing.month import Month
from billing.ports import Letter, LetterKind

_TEXT_WIDTH = 72
_CHANGES_SHOWN = 20
_ASKING = (LetterKind.DECLINE, LetterKind.REMINDER)
_ACTIONS = {
    Remedy.NEW_CARD: "Register a new card",
    Remedy.AUTHENTICATE: "Confirm the payment",
    **dict.fromkeys((Remedy.RETRY, Remedy.RETRY_FEW, Remedy.PERSON), "Pay or use another card"),
}
"""What the link in a customer's mail is called."""


class Rendered(NamedTuple):
    """A mail's content; the subject is one line."""

    subject: str
    text: str
    html: str


def render(letter: Letter) -> Rendered:
    """The letter in English, dates in the customer's time zone. Its month must have come as far as its kind tells."""
    values = _values(letter)
    subject, _, text = _TEXT.get_template(f"{letter.kind}.txt").render(values, layout="layout.txt").partition("\n")
    html = _HTML.get_template(f"{letter.kind}.txt").render(values, layout="layout.html")
    return Rendered(subject, text, html)


def _values(letter: Letter) -> dict[str, object]:
    """What templates see. Text that people typed has gone through ``_line``; take it from here, not from ``month``."""
    month, invoice, owed = letter.month, letter.month.invoice, _owed(letter)
    customer = owed.customer if owed else month.customer
    money = partial(money_text, currency=invoice.currency if invoice else customer.currency)
    rows = [(one_line(line.description), money(line.amount_minor)) for line in invoice.lines] if invoice else []
    if invoice and invoice.carried_minor:
        what = "Carried over from earlier months" if invoice.carried_minor > 0 else "Credit from earlier months"
        rows.append((what, money(invoice.carried_minor)))
    problems = [
        ("Unreadable", one_line(f"row {problem.source.row} of worksheet {problem.source.sheet}: {problem.reason}"))
        for problem in (invoice.problems if invoice else ())
    ]
    headline, _, details = letter.text.partition("\n")
    return {
        "month": month,
        "id": customer.customer_id,
        "name": one_line(customer.name),
        "period": format_date(month.period.first_day, "MMMM y", locale=LOCALE),
        "card": f"ending in {customer.card_last4}" if customer.card_last4 else "the one we have on file",
        "rows": rows,
        "total": money(invoice.total_minor) if invoice else "",
        "money": money,
        "line": one_line,
        "day": _day(customer),
        "when": partial(date_text, pattern="EEEE, d MMMM y, HH:mm VVV 'time' (OOOO)", zone=customer.timezone),
        "needed": one_line(letter.text),
        "headline": one_line(headline),
        "details": one_line(details),
        # Of all stages, only AwaitingApproval depends on the instant; it begins with the notice instant.
        "stage": month.stage(month.notice_at),
        "next_step": _next_step(month),
        "problems": problems,
        "link": letter.link if owed and owed.by_card and letter.kind in _ASKING else "",
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


def _owed(letter: Letter) -> Collection | None:
    """What is to be collected; the mail that closes a month tells of it before the collection has begun."""
    return Collection.open(letter.month) if letter.kind is LetterKind.DECLINE else letter.collection


def _values_of(owed: Collection) -> dict[str, object]:
    answer = owed.answer
    assert answer is not None
    money, day = partial(money_text, currency=owed.currency), _day(owed.customer)
    about = f"{owed.customer.customer_id} --period {owed.period}"
    # Of all stages, only Exhausted depends on the instant: it is that of an alert which nothing else explains.
    now = owed.opened_at if owed.needs_person(owed.opened_at) else owed.give_up_at
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
        "owed_facts": [
            ("Customer", owed.customer.customer_id),
            ("Period", owed.period),
            ("Stage", owed.stage(now)),
            ("Owed", f"{money(owed.outstanding_minor)} of {money(owed.amount_minor)}"),
            ("Tries", f"{owed.tries} by the schedule, with this card"),
            ("Reminders", str(owed.reminders)),
            ("Last answer", one_line(" ".join(filter(None, (answer.status, answer.code, answer.decline_code))))),
        ],
        "owed_commands": [f"collections show {about}", *(f"collections {command}" for command in _fitting(owed))],
    }


def _fitting(owed: Collection) -> Iterator[str]:
    """The commands that would be accepted now, as they are typed."""
    transfer = {"amount_minor": 1, "reference": "REFERENCE"}
    for name, fields in {"resume": {}, "retry": {}, "record_payment": transfer, "write_off": {}}.items():
        command = parse_command(name, [{"by": "YOU", "reason": "WHY", **fields}], COLLECTION_COMMANDS)
        if decide(owed, command, name, owed.opened_at, "mail")[2]:
            more = " --amount AMOUNT --reference REFERENCE" if fields else ""
            about = f"{owed.customer.customer_id} --period {owed.period}{more}"
            yield f"{name.replace('_', '-')} {about} --by YOU --reason WHY"


def _day(customer: Customer) -> Callable[[datetime], str]:
    return partial(date_text, pattern="d MMMM y", zone=customer.timezone)


def _next_step(month: Month) -> tuple[str, datetime] | None:
    if month.outcome is not None:
        return None
    if month.invoice is None:
        return "collect the sales", month.collect_at
    return ("charge the card", month.charge_at) if month.announced else ("send the charge notice", month.notice_at)


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
    environment.filters.update(wrap=_wrap, facts=_facts, invoice=_invoice)
    return environment


_TEXT = _environment(autoescape=False)
_HTML = _environment(autoescape=True)
