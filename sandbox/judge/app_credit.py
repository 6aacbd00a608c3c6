"""Credit beside money that a bank's app brings: ``check`` has left it out of the sum, so it pays what else is due."""

from datetime import datetime

from billing.receivables.journal import Cause, Transaction
from sandbox.judge.account import Account, Entries
from sandbox.judge.orders.order_books import OrderBooks


class AppCredit:
    """``paid_at``: money by a bank's app has just come, and names nothing."""

    def __init__(self, account: Account, orders: OrderBooks, wrong: list[str]) -> None:
        self.paid_at: datetime | None = None
        self.wrong = wrong
        self._account, self._orders = account, orders

    def used_by(self, transaction: Transaction) -> list[Entries]:
        """What the credit may pay in this transaction; []: it is about something else."""
        paid_at, self.paid_at = self.paid_at, None
        if paid_at is None:
            return []
        uses = [self._account.use(usable, paid_at) for usable in self._orders.usable(paid_at)]
        is_it = transaction.cause is Cause.ALLOCATION and transaction.payment is None and transaction.at == paid_at
        if all(uses) and not is_it:
            self.wrong.append(f"credit is left after money by a bank's app of {paid_at}, and pays nothing that is due")
        return [use for use in uses if use] if is_it else []
