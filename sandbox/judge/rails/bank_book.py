"""What the bank has taken by its app and its terminals, and what it has on the company's account, for the judge."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from billing.money import minor_digits
from sandbox.bank.contracts import Contract
from sandbox.bank.store import BANK_JOURNAL, AccountLine, AppPayment, PaymentState, SentRegister, read_bank
from sandbox.stand_ins.subscribers import SUBSCRIBERS, Owned, owners

STATEMENTS = "bank"
"""The rail of the company's account at the bank."""


@dataclass(frozen=True)
class BankBook:
    """As it stands now. ``owners``: whose each number is, by the company's contracts."""

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    payments: Mapping[tuple[str, str], AppPayment] = field(default_factory=dict)
    lines: Mapping[str, AccountLine] = field(default_factory=dict)
    owners: Mapping[str, Owned] = field(default_factory=dict)
    registers: Sequence[SentRegister] = ()

    @classmethod
    def read(cls, folder: Path) -> "BankBook":
        contracts, payments, lines = (
            dict[str, Contract](),
            dict[tuple[str, str], AppPayment](),
            dict[str, AccountLine](),
        )
        registers = list[SentRegister]()
        for entry in read_bank(folder / BANK_JOURNAL):
            match entry:
                case Contract():
                    contracts[entry.rail] = entry
                case AppPayment():
                    payments[entry.key] = entry
                case AccountLine():
                    lines[entry.reference] = entry
                case SentRegister():
                    registers.append(entry)
        return cls(contracts, payments, lines, owners(folder / SUBSCRIBERS), registers)

    def kept(self) -> Iterator[AppPayment]:
        """What the payers have not got back: paid, or not answered yet."""
        return (payment for payment in self.payments.values() if payment.state is not PaymentState.REFUSED)

    def owner(self, payment: AppPayment) -> str:
        """ "": nobody's."""
        owned = self.owners.get(payment.account)
        return owned.customer_id if owned else ""

    def currency(self, payment: AppPayment) -> str:
        return self.contracts[payment.rail].currency

    def transfers(self) -> Iterator[AccountLine]:
        """What others than the bank have sent to the account."""
        return (line for line in self.lines.values() if not line.rail)

    def settlements(self) -> Iterator[AccountLine]:
        return (line for line in self.lines.values() if line.gross)


NO_BANK = BankBook()


def minor(text: str, currency: str) -> int:
    return int(Decimal(text).scaleb(minor_digits(currency)))
