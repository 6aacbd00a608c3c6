"""The words and looks of every mail: ``render(letter)`` gives the subject, a text part and an HTML part.

Each kind of letter has one template, ``templates/KIND.txt``: its subject, title, prose and facts. It is laid out twice,
by ``layout.txt`` and by ``layout.html``, so both parts always say the same.
"""

import textwrap
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, get_currency_symbol
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing.money import minor_digits
from billing.month import Month
from billing.payment import ChargeResult
from billing.ports import Letter

_LOCALE = "en"
_TEXT_WIDTH = 72
_NO_REASON = "Your bank declined the charge. Only your bank can tell you why."
_SHORT_OF_MONEY = "Your bank says that there is not enough money available on the card."
_LIMIT = "The charge is over a limit of the card."
_TRY_LATER = "Your bank had a technical problem and could not accept the charge."
_NOT_SUPPORTED = "The card cannot be used for this kind of payment."
_REASONS = {
    "insufficient_funds": _SHORT_OF_MONEY,
    "card_velocity_exceeded": _LIMIT,
    "withdrawal_count_limit_exceeded": _LIMIT,
    "expired_card": "The card has expired.",
    "processing_error": _TRY_LATER,
    "issuer_not_available": _TRY_LATER,
    "try_again_later": _TRY_LATER,
    "reenter_transaction": _TRY_LATER,
    "card_not_supported": _NOT_SUPPORTED,
    "currency_not_supported": _NOT_SUPPORTED,
}
"""What a customer is told for Stripe's codes. All others share one neutral sentence: nobody may learn from us that a
card was reported lost or stolen, or that a charge looked fraudulent."""


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
    month, customer, invoice = letter.month, letter.month.customer, letter.month.invoice
    money = partial(_money, currency=invoice.currency if invoice else customer.currency)
    rows = [(_line(line.description), money(line.amount_minor)) for line in invoice.lines] if invoice else []
    if invoice and invoice.carried_minor:
        what = "Carried over from earlier months" if invoice.carried_minor > 0 else "Credit from earlier months"
        rows.append((what, money(invoice.carried_minor)))
    problems = [
        ("Unreadable", _line(f"row {problem.source.row} of worksheet {problem.source.sheet}: {problem.reason}"))
        for problem in (invoice.problems if invoice else ())
    ]
    return {
        "month": month,
        "id": customer.customer_id,
        "name": _line(customer.name),
        "period": format_date(month.period.first_day, "MMMM y", locale=_LOCALE),
        "card": f"ending in {customer.card_last4}" if customer.card_last4 else "the one we have on file",
        "rows": rows,
        "total": money(invoice.total_minor) if invoice else "",
        "day": partial(_date, pattern="d MMMM y", zone=customer.timezone),
        "when": partial(_date, pattern="EEEE, d MMMM y, HH:mm VVV 'time' (OOOO)", zone=customer.timezone),
        "why": _why(month.charge) if month.charge else "",
        "needed": _line(letter.text),
        # Of all stages, only AwaitingApproval depends on the instant; it begins with the notice instant.
        "stage": month.stage(month.notice_at),
        "next_step": _next_step(month),
        "problems": problems,
    }


def _money(amount_minor: int, currency: str) -> str:
    """``€1,234.50``, ``-¥3``, ``KWD 1.250``: with as many decimals as Stripe's minor unit has."""
    digits = minor_digits(currency)
    space = " " if get_currency_symbol(currency.upper(), locale=_LOCALE)[-1].isalpha() else ""
    pattern = f"¤{space}#,##0" + ("." + "0" * digits if digits else "")
    value = Decimal(amount_minor).scaleb(-digits)
    return format_currency(value, currency.upper(), pattern, locale=_LOCALE, currency_digits=False)


def _date(instant: datetime, pattern: str, zone: str) -> str:
    return format_datetime(instant, pattern, tzinfo=ZoneInfo(zone), locale=_LOCALE)


def _line(text: str) -> str:
    """Typed text as one line without control, bidirectional and other invisible characters: it cannot pose as ours."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _why(charge: ChargeResult) -> str:
    return _REASONS.get(charge.decline_code or charge.code, _NO_REASON)


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
