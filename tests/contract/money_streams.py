"""Money that moves at random, and what holds after each step: the ledger's account is ours and the judge's."""

from collections import Counter

from hypothesis import strategies as st

from billing.invoices.stages import Stage
from billing.payments.payment import ReversalStatus
from billing.receivables.journal import AccountKind
from sandbox.judge.books import Books
from sandbox.judge.facts import Facts
from tests.contract.moved_money import MovedMoney

STATUSES = st.sampled_from(list(ReversalStatus))
amounts = st.sampled_from([-700, -20, 20, 300, 1000, 1000, 2500])
paid = st.sampled_from([1, 300, 1000, 2500, 9000])
STEPS = st.one_of(
    st.tuples(st.just("bill"), amounts),
    st.tuples(st.just("bill"), amounts),
    st.tuples(st.just("void"), amounts),
    st.tuples(st.just("skip"), st.none()),
    st.tuples(st.just("charge"), st.booleans()),
    st.tuples(st.just("bank"), paid),
    st.tuples(st.just("cash for the last bill"), paid),
    st.tuples(st.just("cash for the last bill, once it is due"), paid),
    st.tuples(st.just("a transfer for the next bill"), paid),
    st.tuples(st.just("nobody's transfer"), paid),
    st.tuples(st.just("the same transfer again"), paid),
    st.tuples(st.just("a transfer is given back"), st.sampled_from([1, 500, 9000])),
    st.tuples(st.just("reverse"), st.tuples(st.sampled_from([1, 500, 1000]), STATUSES)),
    st.tuples(st.just("leave and be erased"), st.none()),
)


class Stream(MovedMoney):
    """Money that moves, and is looked at."""

    async def check(self) -> None:
        customer_id = self.customer.customer_id
        books: Counter[tuple[AccountKind, str]] = Counter()
        for transaction in await self.ledger.transactions(customer_id):
            for entry in transaction.entries:
                is_credit = entry.account.kind is AccountKind.CREDIT  # whatever it came for
                name = entry.account.rail or (entry.account.subject.name if entry.account.subject else "")
                name = "" if is_credit else name
                books[entry.account.kind, name] += entry.amount_minor
        assert sum(books.values()) == 0
        returned = {"stripe": sum(self.returned.values()), "bank": self.given_back_minor}
        for rail in ("stripe", "bank", "cash"):
            assigned_minor = self.assigned_minor if rail == "bank" else 0
            assert books[AccountKind.UNMATCHED, rail] == assigned_minor
            assert books[AccountKind.CLEARING, rail] + assigned_minor == self.taken[rail] - returned.get(rail, 0), (
                "the rail's register"
            )
        assert -sum(minor for (kind, _), minor in books.items() if kind is AccountKind.BILLED) == self.billed_minor
        balance = await self.ledger.balance(customer_id)
        owed = {item.subject.name: item.amount_minor for item in balance.owed}
        assert owed == {
            name: minor for (kind, name), minor in books.items() if kind is AccountKind.RECEIVABLE and minor
        }
        assert balance.carried_minor("eur") == books[AccountKind.CREDIT, ""]
        given_up = sum(minor for (kind, _), minor in books.items() if kind is AccountKind.WRITTEN_OFF)
        assert 0 <= given_up - self.settled_minor <= sum(returned.values())
        in_total = sum(owed.values()) + balance.carried_minor("eur") + given_up
        assert in_total == self.billed_minor - sum(self.taken.values()) + sum(returned.values()), (
            "money was lost or made"
        )
        for name, minor in owed.items():
            assert minor > 0, f"more was paid for {name} than is owed"
        await self.check_with_the_judge()

    async def check_with_the_judge(self) -> None:
        """Every transaction is what the judge computes from the registers and the notices."""
        customer_id = self.customer.customer_id
        months = [await self.ledger.month(customer_id, period) for period in self.months]
        paid = {month.period for month in months if month and month.outcome is Stage.PAID}
        transactions = await self.ledger.transactions(customer_id)
        books = Books(customer_id, "eur", transactions, self.registers, Facts(self.notices, set(), set(paid)))
        for month in months:
            assert month is not None
            assert books.draft(month) == (month.carried_minor if month.invoice else 0), "another balance was there"
            books.advance(until=month.period.next())
            books.close(month.period, month.outcome)
        assert books.end() == []
