"""OSMP's register (QIWI's standard format of a day's settlement): text with tabs, and a total as the last line.

::

    txn_id  date  time  account  sum
    Total:  count  sum

Source: dev.qiwi.com/explain/en/qd-qiwi-provider-protocol/rules/settlement. Decimals have a point, lines end with CR LF
or with CR alone. How days are written is not said.
"""

from collections.abc import Iterator
from contextlib import suppress

from adapters.registers.lines import RawLine, Unreadable
from billing.errors import InvalidInput
from billing.money import format_amount, parse_amount
from billing.registers.register import RegisterTerms

_TOTAL = "total:"
_FIELDS = 5


def is_osmp(text: str) -> bool:
    """Whether it is such a register, whole or cut off."""
    lines = _lines(text)
    first = lines[0].split("\t")
    return lines[-1].lower().startswith(_TOTAL) or (len(first) == _FIELDS and first[0].isdigit())


def osmp_lines(text: str, terms: RegisterTerms) -> Iterator[tuple[int, RawLine | Unreadable]]:
    """The payments; at the end, what is wrong if they are not what the last line says."""
    lines = _lines(text)
    total = lines.pop() if lines[-1].lower().startswith(_TOTAL) else None
    if total is None:
        raise InvalidInput("its last line is not the total: the file is cut off; ask for it again")
    amounts = list[int]()
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != _FIELDS:
            yield number, Unreadable(f"it has {len(cells)} fields, not {_FIELDS}")
            continue
        reference, day, time, account, amount = cells
        yield number, RawLine(reference, account, amount, f"{day} {time}")
        with suppress(InvalidInput):  # of this line, its reader
            amounts.append(parse_amount(amount, terms.currency))
    if wrong := _difference(total, amounts, terms.currency):
        yield len(lines) + 1, Unreadable(wrong)


def _difference(total: str, amounts: list[int], currency: str) -> str:
    """Raises ``InvalidInput`` if the last line is no total."""
    cells = total.split()
    if len(cells) != 3 or not (cells[1].isascii() and cells[1].isdigit()):
        raise InvalidInput("its last line is not: Total:, number of payments, sum")
    said = int(cells[1][:12]), parse_amount(cells[2], currency)
    if said == (len(amounts), sum(amounts)):
        return ""
    return (
        f"the total is {said[0]} payments of {format_amount(said[1], currency)}, but there are {len(amounts)} of "
        f"{format_amount(sum(amounts), currency)}: it is cut off, or was changed; ask for it again"
    )


def _lines(text: str) -> list[str]:
    return [line for line in text.replace("\r", "\n").split("\n") if line.strip()] or [""]
