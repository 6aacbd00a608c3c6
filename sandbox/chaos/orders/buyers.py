"""Buyers who order, pay by every rail and go on paying; and people who amend, halt, cancel, refund and send again.

The seller's register and the bank's have everything before we hear of it.
"""

import asyncio
import hashlib
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from billing.errors import BillingError, InvalidInput
from billing.money import plain_amount, step_minor
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import PaymentName, Subject
from bootstrap import Adapters, connect_order_desk, connect_payment_desk
from orders.changes import Amend, Cancel, Change, Halt, Resume, SendAgain
from orders.order import Agreement, Buyer, OrderLine, OrderRequest, OrderStage
from sandbox.chaos.bank.app_payers import AppPayers
from sandbox.chaos.orders.plan import Move, PlannedOrder, planned_orders
from sandbox.chaos.orders.post import post_order
from sandbox.chaos.payers import Payers, patiently
from sandbox.chaos.plan import Plan
from sandbox.judge.rails.registers import BANK
from sandbox.stand_ins.bank import Bank
from sandbox.stand_ins.seller import Seller
from services.orders.refunds import GivenBack
from settings import Settings

_T = TypeVar("_T")
_LINK_LIFE = timedelta(hours=20)


class Buyers:
    """``done`` counts what was done; ``wrong`` is what they saw go wrong. They live by the real clock."""

    def __init__(self, plan: Plan, settings: Settings, adapters: Adapters, bank: Bank, app_payers: AppPayers) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._plan = plan
        self._settings = settings
        self._ledger = adapters.ledger
        self._bank = bank
        self._seller = Seller(settings.data_dir / "seller.jsonl")
        self._orders = connect_order_desk(settings, adapters)
        self._desk = connect_payment_desk(settings, adapters)
        self.payers = Payers(settings, adapters, bank)
        self._app_payers = app_payers
        self._waiting = planned_orders(plan)
        self._placed: list[PlannedOrder] = []
        self._next: Counter[str] = Counter()  # the place of each order's next move
        self._changes: Counter[str] = Counter()

    async def work(self, step: int) -> None:
        """Some orders are placed, and most of the others go on."""
        new, self._waiting = self._waiting[:3], self._waiting[3:]
        moving = [order for order in self._placed if self._plan.draw("move", step, order.number).random() < 0.7]
        async with asyncio.TaskGroup() as group:
            for order in moving:
                group.create_task(self._go_on(order))
            for order in new:
                group.create_task(self._place(order))
        self._placed += new

    async def work_under_brake(self, step: int, seconds: float) -> None:
        """As ``work``, while somebody has pulled the brake: nothing new is released until it is off."""
        await patiently(lambda: self._ledger.pull_brake("dan", "chaos", "cli", _now()))
        before = await self._released()
        await asyncio.gather(self.work(step), asyncio.sleep(seconds))
        released = await self._released() - before
        self.wrong += [f"{number} was released for {kind} while the brake was on" for number, kind in sorted(released)]
        await patiently(lambda: self._ledger.release_brake("dan", "over", "cli", _now()))

    @property
    def is_done(self) -> bool:
        return not self._waiting and all(self._next[order.number] >= len(order.moves) for order in self._placed)

    async def send_again(self) -> bool:
        """People see to what production has rejected; whether there was any."""
        rejected = [order for order in self._placed if await self._stage(order) is OrderStage.REJECTED]
        for order in rejected:
            await self._change(order, SendAgain(**self._by(order)))
        return bool(rejected)

    async def _released(self) -> set[tuple[str, str]]:
        """What is released by now."""
        standings = [await self._ledger.order(order.number) for order in self._placed]
        return {(s.order.number, release.kind) for s in standings if s for release in s.order.releases}

    async def _stage(self, order: PlannedOrder) -> OrderStage | None:
        standing = await self._ledger.order(order.number)
        return standing.stage if standing else None

    # -- placing

    async def _place(self, order: PlannedOrder) -> None:
        lifetime = order.expires_seconds
        wanted = OrderRequest(
            number=order.number,
            buyer=Buyer(customer_id=order.customer_id, name=order.customer_id.title(), email=None),
            currency=order.currency,
            agreed=_agreed(order, order.price_minor),
            tolerance_minor=order.tolerance_minor,
            expires_at=_now() + timedelta(seconds=lifetime) if lifetime else None,
        )
        self._seller.places(wanted)
        answers = await asyncio.gather(*(self._post(wanted) for _ in range(1 + order.is_placed_twice)))
        if answers != [answers[0]] * len(answers):
            self.wrong.append(f"{order.number} was answered in two ways: {answers}")
        self.done["orders"] += 1

    async def _post(self, wanted: OrderRequest) -> dict[str, Any]:
        """The answer, which the seller's system waits for."""
        answer = await post_order(self._settings, wanted.model_dump_json().encode())
        if answer.status_code not in (200, 201):
            self.wrong.append(f"{wanted.number} was refused: {answer.status_code} {answer.text}")
            return {}
        taken: dict[str, Any] = answer.json()
        return taken

    # -- moving

    async def _go_on(self, order: PlannedOrder) -> None:
        place = self._next[order.number]
        if place >= len(order.moves):
            return
        move, share = order.moves[place]
        self._next[order.number] += 1
        self.done[move] += 1
        amount_minor = _part(order, share)
        match move:
            case Move.TRANSFER:
                await self.payers.transfer(order, amount_minor)
            case Move.APP:
                await self._app_payers.pay(order.customer_id, amount_minor, f"{order.number} {place}")
            case Move.TYPED:
                await self.payers.type(order, amount_minor)
            case Move.RACE:
                await asyncio.gather(self.payers.transfer(order, amount_minor), self.payers.type(order, amount_minor))
            case Move.GATEWAY_LINK | Move.STRIPE_LINK | Move.LEFT_LINK | Move.DECLINED:
                await self.payers.link(order, move)
            case Move.AMEND:
                standing = await self._ledger.order(order.number)
                assert standing is not None
                agreed, version = _agreed(order, amount_minor), standing.order.version
                await self._change(order, Amend(**self._by(order), version=version, agreed=agreed))
            case Move.HALT:
                await self._change(order, Halt(**self._by(order)))
            case Move.RESUME:
                await self._change(order, Resume(**self._by(order)))
            case Move.CANCEL | Move.CANCEL_WITH_REFUND:
                await self._change(order, Cancel(**self._by(order), refund=move is Move.CANCEL_WITH_REFUND))
            case Move.REFUND:
                await self._refund(order, amount_minor)
            case Move.CABINET:
                for reference in self.payers.typed.get(order.number, [])[:1]:
                    amount = plain_amount(amount_minor, order.currency)
                    await self.payers.at_the_gateway("_control/orders", json={"reference": reference, "refund": amount})

    def _by(self, order: PlannedOrder) -> dict[str, str]:
        self._changes[order.number] += 1
        change_id = f"{order.number}-{self._changes[order.number]}"
        return {"change_id": change_id, "by": "cleo", "reason": "the buyer asked", "via": "chaos"}

    async def _change(self, order: PlannedOrder, wanted: Change) -> None:
        """Until it is answered; it may come too late. Whoever gives money back by hand says so."""
        self._seller.asks(order.number, wanted)
        try:
            changed = await patiently(lambda: self._orders.change(order.number, wanted, _now()))
        except InvalidInput:
            self.done["changes refused"] += 1
            return
        for back in changed.given_back:
            await self._give_back_by_hand(order, back)

    async def _give_back_by_hand(self, order: PlannedOrder, back: GivenBack) -> None:
        if back.instruction_id is None or back.state is None or not back.state.is_open:
            return
        instruction = await self._ledger.instruction(back.instruction_id)
        if instruction is None or instruction.payment.rail != BANK:
            return
        reference = f"back-{instruction.reference}"
        self._bank.debit(reference, instruction.reference, instruction.amount_minor)
        name = back.instruction_id
        await patiently(lambda: self._desk.confirm(name, "dan", "by the bank", _now(), reference))

    # -- giving back

    async def _refund(self, order: PlannedOrder, amount_minor: int) -> None:
        """Of its newest payment that we know, by whoever can give it back."""
        records = await self._ledger.payments_for(order.customer_id, Subject.order(order.number))
        for record in records[:1]:
            rail, reference = record.payment.rail, record.payment.reference
            amount_minor = min(amount_minor, record.payment.amount_minor)
            by_hand = f"back-{reference}" if rail == BANK else ""
            if by_hand:
                self._bank.debit(by_hand, reference, amount_minor)
            request = InstructionRequest(
                instruction_id=f"refund-{order.number}",
                kind=InstructionKind.REFUND,
                payment=PaymentName.of(rail, reference),
                amount=plain_amount(amount_minor, order.currency),
                refund_reference=by_hand,
                by="cleo",
                reason="chaos",
                via="chaos",
            )
            with suppress(BillingError):  # a gateway's refund may be under way: it goes on by itself
                await patiently(partial(self._desk.instruct, request, _now()), tries=20)


def _agreed(order: PlannedOrder, price_minor: int) -> Agreement:
    digest = hashlib.sha256(f"{order.number} {price_minor}".encode()).hexdigest()
    line = OrderLine(description=f"Sign for {order.number}", amount_minor=price_minor)
    return Agreement(lines=(line,), file_digest=digest, deposit_percent=order.deposit_percent)


def _part(order: PlannedOrder, share: float) -> int:
    step = step_minor(order.currency)
    return max(step, int(order.price_minor * share) // step * step)


def _now() -> datetime:
    return datetime.now(UTC)
