"""MT940, read with the package mt-940.

A line's reference is in ``:61:``, not in ``:20:``, and the bank's own behind ``//`` is the better one. ``:86:`` comes
in pieces. ``RC`` and ``RD`` undo a movement. The currency is only in ``:60F:``.
"""

import logging
import re
from typing import Any

import mt940
from mt940.models import Balance, Transaction, Transactions
from mt940.options import Options

from adapters.bank_files.decoding import decoded
from adapters.statements.cells import line_of, minor_of, text_of
from billing.errors import InvalidInput
from billing.money import currency_code
from billing.statements.statement import FileFormat, Statement, StatementLine, check_count, joined

logging.getLogger("mt940").setLevel(logging.CRITICAL)  # it would log what it cannot read: names and accounts

_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\b")
_LOST = re.compile(
    r"^(?!:61:)[^\n]{0,8}(?<![0-9])[0-9]{6}(?:[0-9]{4})?R?[CD][A-Z]?[0-9]{1,15},[0-9]{0,2}[NFS][A-Z]{3}", re.MULTILINE
)
_NO_REFERENCE = frozenset({"NONREF", "NOREF", "NOTPROVIDED"})


def read_mt940(content: bytes) -> Statement:
    """Raises ``InvalidInput``."""
    text = decoded(content, ("cp1252",), lambda text: "\0" not in text)
    check_count(text.count(":61:"))
    if damaged := _LOST.search(text):
        number = text.count("\n", 0, damaged.start()) + 1
        raise InvalidInput(f"the file is damaged: line {number} is an entry without its tag :61:; export it again")
    try:
        blocks = mt940.parse_statements(_plain(text), processors={"post_statement": _PROCESSORS}, options=Options.all())
        return joined([_statement(block) for block in blocks])
    except InvalidInput:
        raise
    except Exception as error:  # it raises whatever comes up
        raise InvalidInput(
            f"the file is damaged: it cannot be read as MT940 ({type(error).__name__}); export it again"
        ) from None


def _plain(text: str) -> str:
    """Without the blocks of SWIFT around the message."""
    lines = text.replace("\r", "").split("\n")
    return "\n".join(re.sub(r"^\{.*?\{4:", "", line) for line in lines if line.strip() not in ("-}", "-"))


def _with_type(block: Transactions, tag: Any, values: Any, result: Any) -> Any:
    """Without a type of transaction the package would take the next line for the same one."""
    return {**result, "id": result.get("id") or "NMSC"}


_PROCESSORS = [*Transactions.DEFAULT_PROCESSORS["post_statement"], _with_type]


def _statement(block: Transactions) -> Statement:
    opening, closing = (_balance(block, kind) for kind in ("opening", "closing"))
    if opening is None or closing is None:
        raise InvalidInput("the file is cut off: a statement lacks :60F: or :62F:; export it again")
    currency = currency_code(str(block.currency))
    account = line_of(block.data.get("account_identification"))
    lines = tuple(_line(each, currency, account or "") for each in block.transactions if "amount" in each.data)
    return Statement(
        file_format=FileFormat.MT940,
        account=account,
        currency=currency,
        since=opening.date,
        until=closing.date,
        opening_minor=minor_of(str(_amount(opening).amount), currency),
        closing_minor=minor_of(str(_amount(closing).amount), currency),
        lines=lines,
    )


def _balance(block: Transactions, kind: str) -> Balance | None:
    found = block.data.get(f"final_{kind}_balance") or block.data.get(f"intermediate_{kind}_balance")
    return found if isinstance(found, Balance) else None


def _amount(balance: Balance) -> Any:
    return balance.amount


def _line(entry: Transaction, currency: str, account: str) -> StatementLine:
    data = entry.data
    number, details = _number(data)
    purpose = "\n".join(filter(None, (data.get("purpose"), data.get("additional_purpose"))))  # one goes on in the other
    text = text_of((purpose, data.get("transaction_details"), data.get("end_to_end_reference"), details))
    return StatementLine(
        booked_on=data.get("entry_date") or data["date"],
        amount_minor=minor_of(str(data["amount"].amount), currency),
        bank_reference=_reference(data.get("bank_reference")),
        number=number,
        payer_account=line_of(data.get("applicant_iban")) or _account_in(text, account),
        payer=line_of(data.get("applicant_name")),
        text=text,
        is_reversal=str(data.get("status") or "").upper() in ("RC", "RD"),
    )


def _number(data: dict[str, Any]) -> tuple[str | None, str | None]:
    """The payer's reference, and other details. What is longer than its 16 characters goes on in the details."""
    number, details = str(data.get("customer_reference") or ""), str(data.get("extra_details") or "")
    if len(number) == 16 and details and not details.startswith(" ") and not data.get("bank_reference"):
        tail, _, details = details.partition("\n")
        number += tail
    return _reference(number), details or None


def _reference(text: object) -> str | None:
    reference = line_of(str(text or ""), 255)
    return None if reference is None or reference.upper() in _NO_REFERENCE else reference


def _account_in(text: str, own: str) -> str | None:
    """The one other account that the text names."""
    found = {match[0] for match in _IBAN.finditer(text.replace("\n", ""))} - {own}
    return found.pop() if len(found) == 1 else None
