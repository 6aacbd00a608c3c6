"""The stand-in for a bank: what was sent, claimed and given back is in its register, whatever dies meanwhile."""

from datetime import UTC, datetime
from pathlib import Path

from sandbox.judge.rails.bank_book import BankBook
from sandbox.judge.rails.gateway_register import GatewayRegister
from sandbox.judge.rails.registers import Registers
from sandbox.judge.rails.stripe_journal import StripeJournal
from sandbox.stand_ins.bank import Bank, Statement, Transfer, statement

NOWAK = Transfer(
    reference="one",
    payer="A. Nowak",
    amount_minor=4000,
    currency="eur",
    sent_at=datetime(2026, 11, 5, tzinfo=UTC),
    customer_id="acme",
    month="2026-11",
    is_named=False,
)


def test_the_register_keeps_everything_also_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "bank.jsonl"
    assert statement(path) == Statement()
    Bank(path).credit(NOWAK)
    with path.open("a") as file:
        file.write('{"at": "2026-11-05')
    bank = Bank(path)
    bank.claim("one")
    bank.debit("back", "one", 1500)
    found = statement(path)
    assert found.transfers == {"one": NOWAK}
    assert found.claimed == {"one"}
    assert [(refund.of, refund.amount_minor) for refund in found.returns.values()] == [("one", 1500)]


def test_money_of_an_unknown_payer_is_nobodys_until_they_call(tmp_path: Path) -> None:
    bank = Bank(path := tmp_path / "bank.jsonl")
    bank.credit(NOWAK)
    bank.credit(NOWAK.evolve(reference="other", amount_minor=100))
    bank.claim("one")
    bank.debit("back", "one", 1500)
    registers = Registers.read(StripeJournal(), statement(path), GatewayRegister(), BankBook())
    assert registers.balance() == {("transfer", "eur"): 2600}
    assert registers.unclaimed() == {("transfer", "eur"): 100}
