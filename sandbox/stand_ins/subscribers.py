"""A stand-in for the company's paper contracts: whose each account number and personal number is.

subscribers = Subscribers(folder / SUBSCRIBERS)
subscribers.has("1000008", "acme")             before it is given to anybody
owners(folder / SUBSCRIBERS)                   whose each number is
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sandbox.stand_ins.journal_file import JournalFile, read_entries

SUBSCRIBERS = "subscribers.jsonl"


class Owned(NamedTuple):
    customer_id: str
    is_personal: bool


class Subscribers:
    """Append-only."""

    def __init__(self, path: Path) -> None:
        self._file = JournalFile(path)

    def has(self, number: str, customer_id: str, is_personal: bool = False) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "number": number, "customer_id": customer_id}
        self._file.append(json.dumps(entry | {"is_personal": is_personal}) + "\n")


def owners(path: Path) -> dict[str, Owned]:
    """Whose each number is; nobody's, if there are no contracts."""
    entries = read_entries(path) if path.exists() else ()
    return {entry["number"]: Owned(entry["customer_id"], entry["is_personal"]) for entry in entries}


def personal_number(seed: int) -> str:
    """A made-up personal number whose last digit fits, as docs say: no living person's, for its first digits are 99."""
    digits = [int(digit) for digit in f"99{seed:09}"]
    for weights in (range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
        rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        if rest < 10:
            return "".join(map(str, (*digits, rest)))
    return personal_number(seed + 1)  # this one is never issued
