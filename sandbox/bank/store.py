"""State of the bank: contracts, payments of its customers, and lines of the company's account.

    store = Store(Path("bank-app.jsonl"))      # rebuilt from the file, so SIGKILL loses nothing that a payer was told
    store.put_payment(payment)

Journal lines: {"at": real time in UTC, "kind": "contract" | "payment" | "line" | "register", ...}. Amounts are
decimal text.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from sandbox.bank.contracts import CONTRACTS, Contract, Dialect
from sandbox.stand_ins.journal_file import JournalFile, read_entries, temporary_journal

TIMEZONE = "Europe/Paris"
BANK_JOURNAL = "bank-app.jsonl"
"""In the folder of a stack."""


class PaymentState(StrEnum):
    SENDING = "sending"  # the payer's money is taken, and the company has not given a final answer
    TAKEN = "taken"  # the company has answered: paid
    REFUSED = "refused"  # the company has answered: no; the payer has the money back


class AppPayment(BaseModel):
    """What a payer has typed and paid; without ``attempts`` it is in the day's register only.

    ``answers`` are the final answers to ``pay``, as they came.
    """

    rail: str
    txn_id: str
    account: str
    sum: str
    taken_at: datetime
    state: PaymentState = PaymentState.SENDING
    number: str = ""  # the company's own, by its answer
    code: str = ""
    attempts: int = 0
    answers: list[str] = []
    settled_by: str = ""  # the reference of the account's line
    reversed_by: str = ""  # the number of the reversal in the day's register

    @property
    def key(self) -> tuple[str, str]:
        return self.rail, self.txn_id


class AccountLine(BaseModel):
    """A line of the company's account; money that leaves it is below zero.

    ``customer_id`` is who has sent it, and ``is_named`` whether anything in the line says so; ``is_claimed``: they have
    called. ``rail``: the contract of which it settles payments, or of which it repeats the payment ``txn_id``.
    """

    reference: str
    booked_at: datetime
    amount: str
    currency: str = "eur"
    payer: str
    payer_account: str = ""
    text: str = ""
    customer_id: str = ""
    order: str = ""
    is_named: bool = True
    is_claimed: bool = False
    rail: str = ""
    txn_id: str = ""
    gross: str = ""

    @property
    def day(self) -> date:
        """By the bank's clock."""
        return self.booked_at.astimezone(ZoneInfo(TIMEZONE)).date()


class SentRegister(BaseModel):
    """A register that the bank has sent: the payments of its day that it lacks, and those that it alone tells of."""

    rail: str
    day: date
    left_out: list[str]
    untold: list[str]


Entry = Contract | AppPayment | AccountLine | SentRegister


class Store:
    """Snapshots are replaced, never changed in place."""

    def __init__(self, journal: Path | None = None) -> None:
        self.contracts = {contract.rail: contract for contract in CONTRACTS}
        self.payments: dict[tuple[str, str], AppPayment] = {}
        self.lines: dict[str, AccountLine] = {}
        path = journal or temporary_journal(self)
        for entry in read_bank(path):
            self._apply(entry)
        self._file = JournalFile(path)
        self._numbers = count(len(self.payments) + 1)

    def put_contract(self, contract: Contract) -> Contract:
        self._note("contract", contract)
        return contract

    def put_payment(self, payment: AppPayment) -> AppPayment:
        self._note("payment", payment)
        return payment

    def note_register(self, sent: SentRegister) -> None:
        self._note("register", sent)

    def put_line(self, line: AccountLine) -> AccountLine:
        self._note("line", line)
        return line

    def new_number(self, contract: Contract) -> str:
        """For a payment and the look before it: 20 digits at a terminal, 18 elsewhere."""
        now, number = datetime.now(UTC), next(self._numbers) % 100_000
        return (
            f"{now:9%Y%m%d%H%M%S}{number:05}" if contract.dialect is Dialect.OSMP else f"{now:1%y%m%d%H%M%S}{number:05}"
        )

    def new_payment(
        self, contract: Contract, account: str, amount: str, txn_id: str = "", told: bool = True
    ) -> AppPayment:
        """The payer's money is taken. ``told`` False: the company never hears of it, but by the day's register."""
        now = datetime.now(UTC)
        return self.put_payment(
            AppPayment(
                rail=contract.rail,
                txn_id=txn_id or self.new_number(contract),
                account=account,
                sum=amount,
                taken_at=now,
                state=PaymentState.SENDING if told else PaymentState.TAKEN,
            )
        )

    def taken(self, rail: str) -> list[AppPayment]:
        """What the bank regards as paid by this contract, reversals too."""
        found = self.payments.values()
        return [payment for payment in found if payment.rail == rail and payment.state is PaymentState.TAKEN]

    def _note(self, kind: str, entry: Entry) -> None:
        written = {"at": datetime.now(UTC).isoformat(), "kind": kind, "entry": entry.model_dump(mode="json")}
        self._file.append(json.dumps(written) + "\n")
        self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        match entry:
            case Contract():
                self.contracts[entry.rail] = entry
            case AppPayment():
                self.payments[entry.key] = entry
            case AccountLine():
                self.lines[entry.reference] = entry


_KINDS: dict[str, type[Entry]] = {
    "contract": Contract,
    "payment": AppPayment,
    "line": AccountLine,
    "register": SentRegister,
}


def read_bank(path: Path) -> Iterator[Entry]:
    """Every snapshot of the journal, oldest first; none if there is no bank."""
    for entry in read_entries(path) if path.exists() else ():
        yield _KINDS[entry["kind"]].model_validate(entry["entry"])
