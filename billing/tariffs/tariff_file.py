"""The tariffs of many accounts, from a CSV file: a change for each row, or what is wrong with it."""

from typing import NamedTuple

from pydantic import ValidationError

from billing.csv_rows import reader_of, rows_of
from billing.customers.account_numbers import checked_number
from billing.errors import InvalidInput
from billing.tariffs.changes import Subscribe
from billing.validation import plain

REQUIRED = ("number", "tariff", "from")
ROWS_MAX = 200_000


class TariffRow(NamedTuple):
    """A row of the file: its ``change``, or its ``fault``."""

    line: int
    number: str
    change: Subscribe | None = None
    fault: str = ""


def parse_tariffs(text: str) -> list[TariffRow]:
    """The rows in their order; blank ones do not count.

    Raises ``InvalidInput`` if the header lacks a column, or for more than ``ROWS_MAX`` rows.
    """
    found: list[TariffRow] = []
    for line, cells, fault in rows_of(reader_of(text, REQUIRED)):
        if len(found) == ROWS_MAX:
            raise InvalidInput(f"the file has more than {ROWS_MAX:,} rows; split it")
        if fault or any(cells.values()):
            found.append(_row(line, cells, fault))
    return found


def _row(line: int, cells: dict[str, str], fault: str) -> TariffRow:
    number = cells.get("number", "")[:100]
    if fault:
        return TariffRow(line, number, fault=fault)
    days = {"starts_on": cells.get("from"), "ends_on": cells.get("until") or None}
    try:
        values = {"account": checked_number(number), "tariff": cells.get("tariff"), **days}
        return TariffRow(line, number, Subscribe.model_validate(values))
    except (InvalidInput, ValidationError) as error:
        return TariffRow(line, number, fault=plain(error))
