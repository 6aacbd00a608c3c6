"""The bank as an ASGI app: pages for payers (pages.py), and its control surface.

POST   /_control/contracts {"rail", "url", ...}    where and how the company is asked and told
POST   /_control/payments {"rail", "account", "sum"}   somebody pays; answers the payment once that is final
GET    /_control/payments                      all of them
POST   /_control/calls {"interval_seconds": 2}     how soon ``pay`` is repeated
POST   /_control/calls/faults {"kind": "twice", "times": null}
DELETE /_control/calls/faults
POST   /_control/reversals {"rail", "txn_id"}  the payer has the money back: in the day's register
POST   /_control/registers/{rail} {"leave_out": [...]}    what its registers lack
GET    /_control/registers/{rail}?day=2026-11-30
POST   /_control/transfers {"amount", "payer", "text", ...}    money arrives on the company's account
POST   /_control/claims {"reference": ...}     the sender of a nameless transfer has called
POST   /_control/days {"late": 1}              so many days after ours, the account's lines are booked from now on
POST   /_control/settlements {"rail", "one_by_one": false}     the bank passes on what its app has taken
GET    /_control/statements?kind=mt940&day=2026-11-30&currency=eur
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from bootstrap_statements import SANDBOX_ACCOUNT
from sandbox.bank.account import AccountTransfer, CompanyAccount
from sandbox.bank.caller import AGAIN_SECONDS, Caller, CallFault
from sandbox.bank.contracts import Contract
from sandbox.bank.day_register import RegisterPlan, payments_of, register_of
from sandbox.bank.pages import add_pages
from sandbox.bank.statement_files import FORMATS, Sheet, statement_file
from sandbox.bank.store import AccountLine, AppPayment, SentRegister, Store
from sandbox.stand_ins.faults import FaultSeed


class Purchase(BaseModel, extra="forbid"):
    """``is_told`` False: the bank takes the money, and forgets to tell the company."""

    rail: str
    account: str
    sum: str
    seconds: float = 0
    is_told: bool = True


class Pace(BaseModel, extra="forbid"):
    interval_seconds: float = Field(default=AGAIN_SECONDS, gt=0)


class Named(BaseModel, extra="forbid"):
    rail: str
    txn_id: str


class Reference(BaseModel, extra="forbid"):
    reference: str


class Settlement(BaseModel, extra="forbid"):
    rail: str
    one_by_one: bool = False


class Days(BaseModel, extra="forbid"):
    late: int = Field(ge=0, le=30)


class StandIn:
    """The parts of one stand-in."""

    def __init__(self, journal: Path | None) -> None:
        self.store = Store(journal)
        self.caller = Caller(self.store)
        self.account = CompanyAccount(self.store)
        self.plans: dict[str, RegisterPlan] = {}

    def contract(self, rail: str) -> Contract:
        if rail not in self.store.contracts:
            raise HTTPException(404, f"no contract {rail}")
        return self.store.contracts[rail]


def bank_app(journal: Path | None = None) -> FastAPI:
    """Wrap it: ``Faults(bank_app(path))``."""
    stand, app = StandIn(journal), FastAPI(openapi_url=None)
    _add_calls(app, stand)
    _add_registers(app, stand)
    _add_account(app, stand)
    add_pages(app, stand.store, stand.caller)
    return app


def _add_calls(app: FastAPI, stand: StandIn) -> None:
    @app.post("/_control/contracts")
    async def agree(wanted: dict[str, str]) -> Contract:
        """Changes a contract, or makes a new one; goes on with what waits for an answer."""
        known = stand.store.contracts.get(wanted.get("rail", ""))
        contract = Contract.model_validate((known.model_dump() if known else {}) | wanted)
        stand.store.put_contract(contract)
        stand.caller.resume()
        return contract

    @app.post("/_control/payments")
    async def buy(wanted: Purchase) -> AppPayment | None:
        contract = stand.contract(wanted.rail)
        if not wanted.is_told:
            return stand.store.new_payment(contract, wanted.account, wanted.sum, told=False)
        return await stand.caller.buy(contract, wanted.account, wanted.sum, wanted.seconds)

    @app.get("/_control/payments")
    async def payments() -> dict[str, Any]:
        return {"busy": stand.caller.is_busy, "payments": list(stand.store.payments.values())}

    @app.post("/_control/calls")
    async def pace(wanted: Pace) -> Pace:
        stand.caller.interval_seconds = wanted.interval_seconds
        return wanted

    @app.post("/_control/calls/faults")
    async def add_fault(fault: CallFault) -> list[CallFault]:
        stand.caller.faults.append(fault)
        return list(stand.caller.faults)

    @app.delete("/_control/calls/faults")
    async def clear_faults() -> list[CallFault]:
        """What they were, and how often each has fired."""
        cleared = list(stand.caller.faults)
        stand.caller.faults.clear()
        return cleared

    @app.post("/_control/calls/faults/seed")
    async def seed(body: FaultSeed) -> FaultSeed:
        stand.caller.faults.random.seed(body.seed)
        return body


def _add_registers(app: FastAPI, stand: StandIn) -> None:
    @app.post("/_control/reversals")
    async def reverse(wanted: Named) -> AppPayment:
        payment = stand.store.payments.get((wanted.rail, wanted.txn_id))
        if payment is None:
            raise HTTPException(404)
        number = stand.store.new_number(stand.contract(wanted.rail))
        return stand.store.put_payment(payment.model_copy(update={"reversed_by": number}))

    @app.post("/_control/registers/{rail}")
    async def plan(rail: str, wanted: RegisterPlan) -> RegisterPlan:
        stand.plans[stand.contract(rail).rail] = wanted
        return wanted

    @app.get("/_control/registers/{rail}")
    async def register(rail: str, day: date) -> Response:
        contract, left_out = stand.contract(rail), stand.plans.get(rail, RegisterPlan()).leave_out
        of_day = payments_of(contract, stand.store.taken(rail), day)
        listed = [payment for payment in of_day if payment.txn_id not in left_out]
        missing = [payment.txn_id for payment in of_day if payment not in listed]
        untold = [payment.txn_id for payment in listed if not payment.attempts]
        stand.store.note_register(SentRegister(rail=rail, day=day, left_out=missing, untold=untold))
        return Response(register_of(contract, listed), media_type="text/plain")


def _add_account(app: FastAPI, stand: StandIn) -> None:
    @app.post("/_control/transfers")
    async def receive(wanted: AccountTransfer) -> AccountLine:
        return stand.account.receive(wanted)

    @app.post("/_control/claims")
    async def claim(wanted: Reference) -> AccountLine:
        if wanted.reference not in stand.store.lines:
            raise HTTPException(404)
        return stand.account.claim(wanted.reference)

    @app.post("/_control/days")
    async def days(wanted: Days) -> Days:
        stand.account.late = timedelta(days=wanted.late)
        return wanted

    @app.post("/_control/settlements")
    async def settle(wanted: Settlement) -> list[AccountLine]:
        contract = stand.contract(wanted.rail)
        if wanted.one_by_one:
            return stand.account.pass_on(contract)
        line = stand.account.settle(contract)
        return [line] if line else []

    @app.get("/_control/statements")
    async def statement(kind: str, day: date, currency: str = "eur") -> Response:
        if kind not in FORMATS:
            raise HTTPException(404, f"formats: {', '.join(FORMATS)}")
        own = [line for line in stand.store.lines.values() if line.currency == currency]
        opening = sum((Decimal(line.amount) for line in own if line.day < day), Decimal(0))
        sheet = Sheet(SANDBOX_ACCOUNT, currency, opening, [line for line in own if line.day == day], day)
        return Response(statement_file(kind, sheet), media_type="application/octet-stream")
