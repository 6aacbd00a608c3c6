"""A bank account of ours whose statements are imported: the contract of a rail of kind statements."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field

from billing.customers.customer import Currency, Timezone
from billing.model import Model
from billing.payments.rails import RailName
from billing.statements.payouts import PayoutRule
from billing.statements.statement import StatementLine, is_same_account


class BankAccount(Model, extra="forbid"):
    """``settlements``: the rails whose money this bank pays out to the account, by name."""

    account: Annotated[str, Field(min_length=1, max_length=100)]
    currency: Currency
    timezone: Timezone
    settlements: dict[RailName, PayoutRule] = Field(default_factory=dict, max_length=50)


class BankTerms(NamedTuple):
    """What matching has to know: the rail and its account, the other rails, the key of personal numbers ("": none).

    ``four_eyes``: above these amounts, in minor units by currency, whose a payment is takes two people; {}: never.
    """

    rail: str
    bank: BankAccount
    rails: frozenset[str]
    personal_secret: str = ""
    four_eyes: Mapping[str, int] = {}

    def takes_two(self, minor: int) -> bool:
        return bool(self.four_eyes) and minor > self.four_eyes.get(self.bank.currency, 0)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.bank.timezone)

    def payer_account(self, line: StatementLine) -> str | None:
        """The other side's account; None if the file takes ours for it, as texts name both."""
        account = line.payer_account
        return None if account is not None and is_same_account(self.bank.account, account) else account

    def paid_at(self, day: date) -> datetime:
        """The middle of the bank's day: a statement tells no time."""
        return datetime.combine(day, time(12), self.zone).astimezone(UTC)

    def begins(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()
