"""Keys of lines: by them a file that comes again, or a longer one of the same day, changes nothing twice.

A line's key is made of the bank's reference, if there is one, with day and amount; else of everything that the file
says of it. Equal lines of a day are counted: the second is the second in the longer file, too, and a further part
of the day counts on from the parts beside it.
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
    """``position`` counts the lines of the file, from 1; ``count`` those with the same stem."""

    stem: Code
    count: Count
    position: Count
    line: StatementLine

    @property
    def key(self) -> str:
        return f"{self.stem}-{self.count}"


def keyed(lines: Iterable[StatementLine]) -> list[KeyedLine]:
    seen: Counter[str] = Counter()
    found = []
    for position, line in enumerate(lines, start=1):
        stem = _stem(line)
        seen[stem] += 1
        found.append(KeyedLine(stem=stem, count=seen[stem], position=position, line=line))
    return found


def counted_on(lines: Iterable[KeyedLine], keys: Iterable[str]) -> list[KeyedLine]:
    """The lines, counted after the lines with these keys, which another part of the day had."""
    before = Counter(key.rpartition("-")[0] for key in keys)
    return [each.evolve(count=each.count + before[each.stem]) for each in lines]


def _stem(line: StatementLine) -> str:
    day = f"{line.booked_on:%Y%m%d}"
    if line.bank_reference:
        return f"{day}-r-{_digest(line.bank_reference, line.amount_minor)}"
    entry = line.entry.reference if line.entry else None
    said = entry, line.number, line.payer_account, line.payer, line.text, line.batch
    return f"{day}-{_digest(line.amount_minor, *(''.join((each or '').split()) for each in said))}"


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:24]
