"""What people want done with payments: carried out, proposed, or begun, one at a time for each payment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, TextClause, insert, select, text, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.rows import alert_values
from adapters.sql.core.statements import insert_new
from adapters.sql.orders.credit import promised_minor
from adapters.sql.receivables.accounts import balance, lock_account
from adapters.sql.receivables.incoming import apply_credit, book, known_payment, post_payment, tell_doubts
from adapters.sql.receivables.journal import subject_values
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.journal import INSTRUCTION_IS_OPEN, instructions
from adapters.sql.schema.reviewers import alerts
from adapters.sql.service_orders.named import with_fee_named
from adapters.sql.statements.payers import note_assigned
from billing.errors import InvalidInput, NotFound
from billing.receivables.allocation import assigned
from billing.receivables.incoming import PaymentRecord
from billing.receivables.instructions import (
    Instruction,
    InstructionKind,
    InstructionRequest,
    InstructionState,
    instructed,
    refund_of,
    require_left,
)
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.payment_list import PAGE_ROWS
from billing.reviewers.money_alerts import of_proposal

_N = instructions.c
_IS_OPEN = text(INSTRUCTION_IS_OPEN)
_ANY_AMOUNT = {"": 0}  # as four eyes: above nothing in any currency


class SqlInstructions(SqlDatabase):
    """The part of ``SqlLedger`` about instructions."""

    @in_thread
    def instruct(self, request: InstructionRequest, four_eyes: Mapping[str, int], at: datetime) -> Instruction:
        with self._writing(f"{request.kind} a payment") as connection:
            record = locked_payment(connection, request.payment, request.customer_id)
            if (before := _instruction(connection, request.instruction_id)) is not None:
                if not before.is_of(request):
                    raise InvalidInput(f"{request.instruction_id} is another instruction already: {before}")
                return before
            instruction = instructed(request, record, four_eyes, at)
            _require_customer(connection, instruction)
            _require_turn(connection, instruction, record)
            if instruction.state in (InstructionState.PROPOSED, InstructionState.TO_DO):
                insert_new(connection, alerts, [alert_values(of_proposal(instruction, at))])
            done = _carried_out(connection, instruction, record, at)
            connection.execute(insert(instructions).values(_values(done)))
            return done

    @in_thread
    def confirm(
        self,
        instruction_id: str,
        by: str,
        reason: str,
        at: datetime,
        refund_reference: str = "",
        by_hand: bool = False,
    ) -> Instruction:
        with self._writing(f"confirm instruction {instruction_id}") as connection:
            before, record = _locked(connection, instruction_id)
            is_repeat = before.decided_by == by and before.state is InstructionState.DONE
            if is_repeat or before.state is InstructionState.UNDER_WAY:
                return before
            confirmed = before.confirmed(by, reason, at, refund_reference, by_hand)
            _require_turn(connection, confirmed, record)
            return _save(connection, _carried_out(connection, confirmed, record, at))

    @in_thread
    def reject(self, instruction_id: str, by: str, reason: str, at: datetime) -> Instruction:
        with self._writing(f"reject instruction {instruction_id}") as connection:
            before, _ = _locked(connection, instruction_id)
            if before.state is InstructionState.REJECTED:
                return before
            return _save(connection, before.rejected(by, reason, at))

    @in_thread
    def close_instruction(self, instruction_id: str, state: InstructionState, result: str, at: datetime) -> Instruction:
        with self._writing(f"close instruction {instruction_id}") as connection:
            before, _ = _locked(connection, instruction_id)
            if before.state is not InstructionState.UNDER_WAY:
                return before
            return _save(connection, before.evolve(state=state, result=result, closed_at=at))

    @in_thread
    def instruction(self, instruction_id: str) -> Instruction | None:
        with self._reading(f"read instruction {instruction_id}") as connection:
            return _instruction(connection, instruction_id)

    @in_thread
    def promised_minor(self, customer_id: str, currency: str) -> int:
        with self._reading(f"add up what goes back to {customer_id}") as connection:
            return promised_minor(connection, customer_id, currency)

    @in_thread
    def instructions(
        self, name: PaymentName | None = None, limit: int = PAGE_ROWS, state: InstructionState | None = None
    ) -> list[Instruction]:
        """All instructions about one payment, or the open ones about any; the newest first."""
        where: list[ColumnElement[bool] | TextClause] = [_N.state == state] if state else []
        where += [_IS_OPEN] if name is None else [_N.rail == name.rail, _N.digest == name.digest]
        query = select(instructions).where(*where).order_by(_N.number.desc()).limit(limit)
        with self._reading("list its instructions") as connection:
            return [_model(row) for row in connection.execute(query).mappings()]


def propose(connection: Connection, request: InstructionRequest, at: datetime) -> Instruction:
    """Proposes within a transaction, whatever the amount: a person has to confirm what a program has found."""
    record = known_payment(connection, request.payment)
    instruction = instructed(request, record, _ANY_AMOUNT, at)
    put_alerts(connection, [of_proposal(instruction, at)])
    connection.execute(insert(instructions).values(_values(instruction)))
    return instruction


def _carried_out(connection: Connection, instruction: Instruction, record: PaymentRecord, at: datetime) -> Instruction:
    """The instruction with its result, once its money has moved in the ledger. Raises ``InvalidInput``."""
    if instruction.kind is InstructionKind.REFUND:
        require_left(instruction, record)
    if instruction.state is InstructionState.UNDER_WAY:
        return instruction.evolve(returned_before_minor=record.returned_minor)
    if instruction.state is not InstructionState.DONE:
        return instruction
    if instruction.kind is InstructionKind.REFUND:
        refund = refund_of(instruction, record, at)
        if not book(connection, refund, at):
            raise InvalidInput(f"{refund.title} is in the books already; give this refund a reference of its own")
        return instruction.evolve(result=f"given back as {refund.reference}")
    customer_id = instruction.customer_id
    assert customer_id is not None
    lock_account(connection, customer_id)
    to = record.payment.evolve(
        customer_id=customer_id,
        subject=instruction.subject,
        amount_minor=instruction.amount_minor,
        by=instruction.by,
        reason=instruction.authors,
    )
    to = with_fee_named(connection, to)
    posted = assigned(record, to, balance(connection, customer_id, [to.subject]), at)
    post_payment(connection, instruction.payment, posted)
    apply_credit(connection, to, posted.key, at)
    found = [doubt.text for doubt in tell_doubts(connection, to, posted, at)]
    note_assigned(connection, instruction, at)
    return instruction.evolve(result="; ".join(found) or f"assigned to {customer_id}")


def _require_customer(connection: Connection, instruction: Instruction) -> None:
    customer_id = instruction.customer_id
    if instruction.kind is InstructionKind.ASSIGN and customer_id and not lock_account(connection, customer_id):
        raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list --closed")


def _require_turn(connection: Connection, instruction: Instruction, record: PaymentRecord) -> None:
    """Raises ``InvalidInput`` while the processor is asked for another refund of the payment, or if too little is left
    beside what other refunds of it are to give back.
    """
    others, state = _open_refunds(connection, instruction), InstructionState.UNDER_WAY
    under_way = next((other for other in others if other.state is state), None)
    if instruction.state is state and under_way:
        raise InvalidInput(
            f"a refund of payment {instruction.title} is under way already, and its outcome is not known; ask for it "
            f"with: python starter.py payments confirm {under_way.instruction_id}"
        )
    same = [other for other in others if other.customer_id == instruction.customer_id]
    promised_minor = sum(other.amount_minor for other in same)
    if same and instruction.amount_minor + promised_minor > record.parts.get(instruction.customer_id, 0):
        raise InvalidInput(
            f"{instruction} is more than is left beside {same[0]}, which is {same[0].state.replace('_', ' ')}: see to "
            f"{same[0].instruction_id} first, or give less; see: python starter.py payments proposals"
        )


def _open_refunds(connection: Connection, instruction: Instruction) -> list[Instruction]:
    """The other refunds of the same payment that are not booked yet; none if it is no refund itself."""
    if instruction.kind is not InstructionKind.REFUND:
        return []
    name, is_other = instruction.payment, _N.instruction_id != instruction.instruction_id
    of_payment = _N.rail == name.rail, _N.digest == name.digest, _N.kind == InstructionKind.REFUND
    rows = connection.execute(select(instructions).where(_IS_OPEN, *of_payment, is_other).order_by(_N.number))
    return [_model(row) for row in rows.mappings()]


def _locked(connection: Connection, instruction_id: str) -> tuple[Instruction, PaymentRecord]:
    """The instruction and its payment, which is locked: read again after that. Raises ``NotFound``."""
    known = _known(connection, instruction_id)
    record = locked_payment(connection, known.payment, known.customer_id)
    return _known(connection, instruction_id), record


def locked_payment(connection: Connection, name: PaymentName, customer_id: str | None) -> PaymentRecord:
    """The payment, whose money nobody else moves meanwhile. Customers are locked first, as whoever books does."""
    record = known_payment(connection, name)
    for whose in sorted({customer_id or "", *(owner or "" for owner in record.parts)} - {""}):
        lock_account(connection, whose)
    return known_payment(connection, name, lock=True)


def _known(connection: Connection, instruction_id: str) -> Instruction:
    instruction = _instruction(connection, instruction_id)
    if instruction is None:
        raise NotFound(f"there is no instruction {instruction_id}; see: python starter.py payments proposals")
    return instruction


def _instruction(connection: Connection, instruction_id: str) -> Instruction | None:
    query = select(instructions).where(_N.instruction_id == instruction_id)
    row = connection.execute(query).mappings().one_or_none()
    return _model(row) if row else None


def _model(row: Any) -> Instruction:
    subject = Subject(kind=row["subject_kind"], name=row["subject"]) if row["subject"] else None
    names = Instruction.model_fields.keys() - {"payment", "subject"}
    payment = PaymentName(row["rail"], row["digest"])
    return Instruction(**{name: row[name] for name in names}, payment=payment, subject=subject)


def _values(instruction: Instruction) -> dict[str, Any]:
    values = instruction.model_dump(exclude={"payment", "subject"})
    return {**values, **instruction.payment._asdict(), **subject_values(instruction.subject)}


def _save(connection: Connection, instruction: Instruction) -> Instruction:
    is_it = _N.instruction_id == instruction.instruction_id
    connection.execute(update(instructions).where(is_it).values(_values(instruction)))
    return instruction
