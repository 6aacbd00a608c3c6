"""Commands to a collection, and the rulings on them: accepted or refused with a reason, and in the diary."""

from collections.abc import Sequence
from datetime import date, datetime

import billing.commands
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.dunning import CardRemedy
from billing.collections.promise_rules import accept_promise
from billing.collections.stages import CollectionStage, Purpose, Release
from billing.commands import Command, Halt, Refusal, Refused, Resume, Ruling, answered, command_name, content_of
from billing.model import Code, Model, Url
from billing.payments.methods import CardOnFile
from billing.period import Period
from billing.progress import Halted


class Owe(Command):
    """Another month was not paid either; the application gives it. One that is known already changes nothing."""

    debt: Debt


class Retry(Command):
    """Try the card now; the way out of a decline code that we do not know."""


class ReplaceCard(Command):
    """The customer has another card; it is tried at once, for every debt that a card may still pay.

    A debt that is wholly owed again is tried with it, too.
    """

    card: CardOnFile


class StopCard(Command):
    """The customer pays by bill from now on: no card is tried any more for what is owed. Its payments are cancelled."""


class CountAgain(Command):
    """Money has been booked or has gone back; the ledger is asked what is still owed. Never refused."""


class WriteOff(Command):
    """Write the rest off. The card's payment is cancelled first; if it has succeeded, the amount is recovered."""


class LookUp(Command):
    """Look the payment up: something may have changed at the processor."""


class Promised(Command):
    """The customer will pay by the end of the day ``until``, in their time zone; the ladder stands until then.

    Given at our page (``via`` customer), it has a limit of its own and is taken once a calendar month.
    """

    until: date


COLLECTION_COMMANDS: dict[str, type[Command]] = {
    "owe": Owe,
    "halt": Halt,
    "resume": Resume,
    "retry": Retry,
    "replace_card": ReplaceCard,
    "stop_card": StopCard,
    "count_again": CountAgain,
    "write_off": WriteOff,
    "look_up": LookUp,
    "promise": Promised,
}
_OfDebt = Retry | WriteOff | LookUp
"""Commands about one debt: ``period`` names it, unless only one is open. The others are for the whole account."""


_NOT_BY_CARD = "a part was paid on another rail; the rest is not charged to the card"
_BILLED = "it was billed; no card is charged for it"
_BEING_CANCELLED = "the card's payment is being cancelled; repeat the command after that"


class PayResult(Model):
    """The answer to a customer's own payment: authenticate at ``redirect_url``; if None, ``stage`` is the result."""

    stage: Code
    redirect_url: Url | None = None


def decide(collection: Collection, command: Command, now: datetime, via: str) -> Ruling[Collection]:
    """Carries out ``command`` at ``now``; what is asked for by the dozen and changes nothing leaves no entry.

    A repeated ``command_id`` gets the first answer again and changes nothing.
    """
    if earlier := answered(collection.entries, command):
        return Ruling(collection, earlier.text, earlier.refusal)
    ruling = billing.commands.decide(collection, command, collection.entries, lambda: _apply(collection, command, now))
    is_known = isinstance(command, Owe) and ruling.value is collection
    if ruling.refusal is None and (isinstance(command, LookUp | CountAgain) or is_known):
        return ruling
    noted = ruling.value.noted(
        now,
        None if isinstance(command, Owe) else command.by,
        command_name(command, COLLECTION_COMMANDS),
        ruling.result,
        month=_month_of(collection, command),
        via=command.via or via,
        reason=command.reason,
        accepted=ruling.refusal is None,
        refusal=ruling.refusal,
        command_id=command.command_id,
        content=content_of(command),
    )
    return ruling._replace(value=noted)


def note_unreadable(collection: Collection, name: str, problem: str, now: datetime, via: str) -> Ruling[Collection]:
    """Notes a signal that cannot be read; it has no other effect."""
    noted = collection.noted(now, "unknown", name[:100], problem, via=via, accepted=False, refusal=Refusal.OTHER)
    return Ruling(noted, problem, Refusal.OTHER)


def _month_of(collection: Collection, command: Command) -> Period | None:
    """The debt that ``command`` is about; None: the whole account, or nobody can tell."""
    if isinstance(command, Owe):
        return command.debt.period
    if not isinstance(command, _OfDebt):
        return None
    if command.period:
        return command.period if collection.debt(command.period) else None
    return collection.open_debts[0].period if len(collection.open_debts) == 1 else None


def _apply(collection: Collection, command: Command, now: datetime) -> tuple[Collection, str]:
    if isinstance(command, Owe):
        return collection.owing(command.debt, now), f"{command.debt.outstanding} of {command.debt.period} are owed"
    if isinstance(command, CountAgain):
        return collection.to_count(), "the ledger is asked what is still owed"
    if isinstance(command, _OfDebt):
        return _apply_to_debt(collection, _named(collection, command), command, now)
    if collection.outcome is not None:
        raise Refused(f"{_months(collection.debts)} is settled already: {collection.outcome}")
    match command:
        case Halt():
            return _halt(collection, command, now)
        case Resume():
            return _resume(collection)
        case ReplaceCard():
            if any(debt.release for debt in collection.open_debts):
                raise Refused(_BEING_CANCELLED, Refusal.LATER)
            return _replace_card(collection, command)
        case StopCard():
            return _stop_card(collection, command)
        case Promised():
            is_own = command.via == "customer"
            return accept_promise(collection, command.by, command.until, now, is_own)
    raise Refused(f"a collection does not take {type(command).__name__}")


def _named(collection: Collection, command: Command) -> Debt:
    """The debt that ``command`` names, or the only open one."""
    debt = collection.debt(command.period) if command.period else None
    open_debts = collection.open_debts
    if command.period and debt is None:
        raise Refused(f"{command.period} is not owed here; {_months(collection.debts)} is")
    if debt is None and len(open_debts) > 1:
        raise Refused(f"{_months(open_debts)} are owed; name one of them as the period")
    debt = debt or (open_debts or collection.debts)[0]
    if debt.settled:
        raise Refused(f"{debt.period} is settled already: {debt.outcome}")
    return debt


def _months(debts: Sequence[Debt]) -> str:
    return ", ".join(debt.period for debt in debts)


def _apply_to_debt(collection: Collection, debt: Debt, command: _OfDebt, now: datetime) -> tuple[Collection, str]:
    if debt.release is not None and not isinstance(command, Retry | LookUp):
        raise Refused(_BEING_CANCELLED, Refusal.LATER)
    match command:
        case Retry():
            return _retry(collection, debt, command)
        case WriteOff() if debt.method is None:
            given_up = collection.with_debt(debt.settle(CollectionStage.WRITTEN_OFF, now))
            return given_up, f"{debt.outstanding} are written off"
        case WriteOff():
            released = _released(
                collection, debt, Release(by=command.by, reason=command.reason, purpose=Purpose.WRITE_OFF)
            )
            return released, f"{debt.outstanding} are written off once the card's payment is cancelled"
        case LookUp():
            return collection.to_look_up(debt.period), "the payment is looked up"


def _released(collection: Collection, debt: Debt, release: Release) -> Collection:
    return collection.with_debt(debt.evolve(release=release), trouble=collection.outage)


def _halt(collection: Collection, command: Halt, now: datetime) -> tuple[Collection, str]:
    halt = Halted(by=command.by, reason=command.reason, at=now)
    halted = collection.evolve(halt=halt, alerted_at=None)
    halted = halted.unbegun() if halted.brake else halted
    is_trying = any(debt.attempt for debt in halted.open_debts)
    return halted, (
        "halted; the customer is not reminded and the card not tried until resumed"
        + ("; the try that has begun ends first" if is_trying else "")
    )


def _resume(collection: Collection) -> tuple[Collection, str]:
    if collection.halt is None and collection.failure is None:
        raise Refused("it is not halted")
    resumed = collection.evolve(halt=None, trouble=collection.outage, alerted_at=None)
    resumed = resumed.to_count() if collection.failure else resumed
    if collection.halt is not None and any(debt.untried_card for debt in collection.open_debts):
        tried = resumed.with_open_debts(
            lambda debt: debt.with_card(debt.method, is_halted=False) if debt.method and debt.untried_card else debt
        )
        return tried, "resumed; the new card is tried now"
    return resumed, "resumed"


def _retry(collection: Collection, debt: Debt, command: Retry) -> tuple[Collection, str]:
    if not debt.by_card:
        raise Refused(_NOT_BY_CARD if debt.method else _BILLED)
    if collection.brake:
        raise Refused(collection.brake.text)
    if debt.is_moving:
        if collection.failure is None:
            raise Refused("the outcome of the last try has to be known first; it is being looked up", Refusal.LATER)
        return collection.evolve(trouble=None, alerted_at=None), "tried again"
    if debt.remedy is CardRemedy.NEW_CARD:
        raise Refused("the bank does not allow another try with this card; the customer has to register a new one")
    if debt.remedy is CardRemedy.AUTHENTICATE:
        raise Refused("only the customer can confirm this payment, by the link in the mail")
    return collection.with_debt(debt.requested(command.by), trouble=collection.outage), "the card is tried now"


def _stop_card(collection: Collection, command: StopCard) -> tuple[Collection, str]:
    by_card = [debt for debt in collection.open_debts if debt.by_card]
    if not by_card:
        raise Refused("no card is tried for anything that is owed", Refusal.UNCHANGED)
    if any(debt.release or debt.attempt or debt.looking for debt in by_card):
        text = "the outcome of the last try has to be known first; the card is taken away after that"
        raise Refused(text, Refusal.LATER)
    release = Release(by=command.by, reason=command.reason, purpose=Purpose.BILL)
    stopped = collection.with_open_debts(
        lambda debt: debt.evolve(release=release) if debt.by_card else debt, trouble=collection.outage
    )
    return stopped, "no card is tried any more once its payments are cancelled"


def _replace_card(collection: Collection, command: ReplaceCard) -> tuple[Collection, str]:
    card, by_card = command.card, [debt for debt in collection.open_debts if debt.by_card]
    customer = collection.customer.evolve(payment_method=card)
    known = [collection.customer.card, *(debt.method for debt in by_card)]
    if all(card.is_same(method) for method in known):
        if all(method and card.last4 in ("", method.last4) for method in known):
            raise Refused("this card is known already", Refusal.UNCHANGED)
        renamed = collection.with_open_debts(lambda debt: debt.evolve(method=card) if debt.by_card else debt)
        return renamed.evolve(customer=customer), f"the card now ends in {card.last4}"
    if any(debt.attempt or debt.looking for debt in by_card):
        text = "the outcome of the last try has to be known first; the new card is taken after that"
        raise Refused(text, Refusal.LATER)
    release = Release(by=command.by, reason=command.reason, purpose=Purpose.NEW_CARD, method=card)

    def replaced(debt: Debt) -> Debt:
        if not debt.by_card or debt.method is None or card.is_same(debt.method):
            return debt
        if card.payer_id != debt.method.payer_id:
            return debt.evolve(release=release)
        return debt.with_card(card, is_halted=collection.halt is not None)

    changed = collection.with_open_debts(replaced, customer=customer, trouble=collection.outage)
    if not by_card:
        is_billed = all(debt.method is None for debt in collection.open_debts)
        return changed, f"the new card is on file; {_BILLED if is_billed else _NOT_BY_CARD}"
    if any(debt.release for debt in changed.open_debts):
        return changed, "tried once the payment of the other id is cancelled"
    effect = "it is tried once this is resumed" if collection.halt else "it is tried now"
    return changed, f"the new card is on file; {effect}"
