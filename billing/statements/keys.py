"""Keys of lines: by them a file that comes again, or a longer one of the same day, changes nothing twice.

A line's key is made of the bank's reference, if there is one, with day and amount; else of everything that the file
says of it. Equal lines of a day are counted: the second is the second in the longer file, too.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from billing.model import Code, Count, Model
from billing.statements.statement import StatementLine


class FilePart(NamedTuple):
    """Some lines of a file, and the keys of all of its lines."""

    lines: Sequence["KeyedLine"]
    keys: frozenset[str]


class KeyedLine(Model):
    """``position`` counts the lines of the file, from 1."""

    key: Code
    position: Count
    line: StatementLine


def keyed(lines: Iterable[StatementLine]) -> list[KeyedLine]:
    seen: Counter[str] = Counter()
    found = []
    for position, line in enumerate(lines, start=1):
        stem = _stem(line)
        seen[stem] += 1
        found.append(KeyedLine(key=f"{stem}-{seen[stem]}", position=position, line=line))
    return found


def _stem(line: StatementLine) -> str:
    day = f"{line.booked_on:%Y%m%d}"
    if line.bank_reference:
        return f"{day}-r-{_digest(line.bank_reference, line.amount_minor)}"
    return f"{day}-{_digest(line.amount_minor, line.number, line.payer_account, line.batch)}"


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:24]


def are_one(line: StatementLine, other: StatementLine) -> bool:
    """Whether two lines of one day and amount, from files of different formats, can be one movement.

    They are two if references or accounts that both have differ.
    """
    both = (line.bank_reference, other.bank_reference), (line.payer_account, other.payer_account)
    return all(one is None or another is None or one == another for one, another in both)
