"""The form that amends an order: what was typed, its mistakes beside it, and the agreement that it makes.

::

    typed = read(form, order)
    if not typed.is_wrong:
        agreed = typed.agreement(order)
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError
from starlette.datastructures import FormData

from billing.errors import InvalidInput
from billing.money import parse_amount, plain_amount
from billing.validation import plain
from orders.order import LINES_MAX, Agreement, Order, OrderLine, check_price

EMPTY_ROWS = 3
_DEPOSITS, _QUANTITIES = range(1, 100), range(1, 1_000_001)
_DIGEST = re.compile(r"[0-9a-f]{64}")


class LineForm(NamedTuple):
    description: str = ""
    quantity: str = ""
    amount: str = ""
    remove: bool = False
    errors: tuple[str, ...] = ()

    @property
    def is_blank(self) -> bool:
        return not (self.description or self.quantity or self.amount)

    @property
    def counts(self) -> bool:
        """Whether it is a line of the new agreement."""
        return not (self.is_blank or self.remove)


class AmendForm(NamedTuple):
    """``version`` is the one that was seen. ``error`` is about the whole: what the lines come to, the file."""

    lines: tuple[LineForm, ...]
    file_digest: str
    deposit: str
    version: int
    error: str = ""

    @property
    def is_wrong(self) -> bool:
        return bool(self.error) or any(line.errors for line in self.lines)

    def agreement(self, order: Order) -> Agreement:
        """Only of a form without mistakes."""
        agreed = Agreement(
            lines=tuple(_line(line, order.currency) for line in self.lines if line.counts),
            file_digest=self.file_digest or None,
            deposit_percent=_whole(self.deposit, "the deposit", _DEPOSITS) if self.deposit else None,
        )
        check_price(agreed, order.currency, order.tolerance_minor)
        return agreed


def blank(order: Order) -> AmendForm:
    """The form before anything is typed."""
    agreed, currency = order.agreed, order.currency
    lines = [
        LineForm(line.description, str(line.quantity), plain_amount(line.amount_minor, currency))
        for line in agreed.lines
    ]
    lines += [LineForm()] * min(EMPTY_ROWS, LINES_MAX - len(lines))
    deposit = "" if agreed.deposit_percent is None else str(agreed.deposit_percent)
    return AmendForm(tuple(lines), agreed.file_digest or "", deposit, order.version)


def read(form: FormData, order: Order) -> AmendForm:
    lines = [_checked(line, order.currency) for line in _typed(form)]
    lines = [line for line in lines if not line.is_blank]
    version = str(form.get("version", ""))
    typed = AmendForm(
        (*lines, *[LineForm()] * max(1, min(EMPTY_ROWS, LINES_MAX - len(lines)))),
        _one_line(form.get("file_digest", "")).lower(),
        _one_line(form.get("deposit", "")).removesuffix("%").strip(),
        int(version) if version.isdecimal() and len(version) < 9 else 0,
    )
    return typed if typed.is_wrong else typed._replace(error=_mistake(typed, order))


def _typed(form: FormData) -> Iterator[LineForm]:
    columns = (form.getlist(name) for name in ("description", "quantity", "amount"))
    removed = set(map(str, form.getlist("remove")))
    for number, texts in enumerate(zip(*columns, strict=False)):
        description, quantity, amount = map(_one_line, texts)
        yield LineForm(description, quantity, amount, remove=str(number) in removed)


def _checked(line: LineForm, currency: str) -> LineForm:
    if line.counts:
        try:
            _line(line, currency)
        except (InvalidInput, ValidationError) as error:
            return line._replace(errors=(plain(error),))
    return line


def _line(line: LineForm, currency: str) -> OrderLine:
    if not line.description:
        raise InvalidInput("enter a description")
    quantity = _whole(line.quantity or "1", "the quantity", _QUANTITIES)
    amount_minor = parse_amount(line.amount, currency)
    if amount_minor < 0:
        raise InvalidInput(f"{line.amount} is below 0; write what the line costs, or remove it")
    return OrderLine(description=line.description, quantity=quantity, amount_minor=amount_minor)


def _mistake(typed: AmendForm, order: Order) -> str:
    if not any(line.counts for line in typed.lines):
        return "an order has at least one line; cancel it instead if nothing is wanted"
    if typed.file_digest and not _DIGEST.fullmatch(typed.file_digest):
        return "the file is named by its SHA-256, which has 64 digits from 0 to f (sha256sum prints it)"
    try:
        typed.agreement(order)
    except (InvalidInput, ValueError) as error:
        return plain(error)
    return ""


def _whole(text: str, what: str, allowed: range) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if number not in allowed:
        least, most = allowed[0], allowed[-1]
        raise InvalidInput(f"{what} is {text[:40]!r}; write a whole number from {least} to {most:,}")
    return number


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
