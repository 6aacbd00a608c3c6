"""A stand-in for the company's bank account: the register of money that customers have sent, and of what went back.

bank = Bank(folder / "bank.jsonl")
bank.credit(Transfer(reference="bank-1", payer="A. Nowak", amount_minor=4000, ...))
bank.claim("bank-1")                           the sender has called: now people know whose it is
bank.debit("bank-2", of="bank-1", amount_minor=4000)
statement(folder / "bank.jsonl")               all of it, as the account's register has it
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.model import Code, Id, Instant, Line, Minor, Model
from sandbox.stand_ins.journal_file import JournalFile, read_entries


class Transfer(Model):
    """Money that a customer has sent. ``customer_id`` is who, and ``month`` or ``order`` what for, by the sender ("":
    none).

    ``is_named`` False: the bank shows the payer's name only, and nobody knows whose it is until the sender calls.
    """

    reference: Id
    payer: Line
    amount_minor: Minor
    currency: Code
    sent_at: Instant
    customer_id: Id
    month: Code = ""
    order: Code = ""
    is_named: bool = True


class Return(Model):
    """Money of the transfer ``of`` that the company has sent back."""

    reference: Id
    of: Id
    amount_minor: Minor


@dataclass(frozen=True)
class Statement:
    """The register, by reference; ``claimed`` are those whose sender has called."""

    transfers: dict[str, Transfer] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    returns: dict[str, Return] = field(default_factory=dict)


class Bank:
    """Append-only: what is in the register stays there. A reference is the bank's, and never used twice."""

    def __init__(self, path: Path) -> None:
        self._file = JournalFile(path)

    def credit(self, transfer: Transfer) -> None:
        self._note("credit", transfer)

    def claim(self, reference: str) -> None:
        self._append("claim", {"reference": reference})

    def debit(self, reference: str, of: str, amount_minor: int) -> None:
        self._note("debit", Return(reference=reference, of=of, amount_minor=amount_minor))

    def _note(self, kind: str, entry: Model) -> None:
        self._append(kind, entry.model_dump(mode="json"))

    def _append(self, kind: str, fields: dict[str, Any]) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "kind": kind, **fields}
        self._file.append(json.dumps(entry) + "\n")


def statement(path: Path) -> Statement:
    """The register at ``path``; an empty one if there is no such account."""
    found = Statement()
    for entry in read_entries(path) if path.exists() else ():
        fields = {name: value for name, value in entry.items() if name not in ("at", "kind")}
        match entry["kind"]:
            case "credit":
                found.transfers[fields["reference"]] = Transfer.model_validate(fields)
            case "claim":
                found.claimed.add(fields["reference"])
            case "debit":
                found.returns[fields["reference"]] = Return.model_validate(fields)
    return found
