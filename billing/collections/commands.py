"""Commands to a collection, and the rulings on them: accepted or refused with a reason, and in the diary."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

import billing.commands
from billing.collections.collection import Collection
from billing.collections.dunning import CardRemedy
from billing.collections.stages import Received, Release, RequestedTry
from billing.commands import Command, Halt, Refusal, Refused, Resume, Ruling, answered, command_name, content_of
from billing.model import Code, Model, Url
from billing.payments.methods import CardOnFile
from billing.progress import Halted


class Retry(Command):
    """Try the card now; the way out of a decline code that we do not know."""


class ReplaceCard(Command):
    """The customer has another card; it is tried at once."""

    card: CardOnFile


class RecordPayment(Command):
    """Money has arrived by other means, such as a bank transfer; the card is not charged any more.

    ``amount_minor`` is in minor units of the collection's currency; ``reference`` names the transfer, once only.
    """

    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    amount_minor: int = Field(gt=0, le=10**15)


class WriteOff(Command):
    """Write the rest off. The card's payment is cancelled first; if it has succeeded, the amount is recovered."""


class LookUp(Command):
    """Look the payment up: something may have changed at the processor."""


COLLECTION_COMMANDS: dict[str, type[Command]] = {
    "halt": Halt,
    "resume": Resume,
    "retry": Retry,
    "replace_card": ReplaceCard,
    "record_payment": RecordPayment,
    "write_off": WriteOff,
    "look_up": LookUp,
}


RECEIVED_MAX = 50
"""Limit of payments by other means in one collection."""
_NOT_BY_CARD = "a part was paid by other means; the rest is not charged to the card"


class PayResult(Model):
    """The answer to a customer's own payment: authenticate at ``redirect_url``; if None, ``stage`` is the result."""

    stage: Code
    redirect_url: Url | None = None


def decide(collection: Collection, command: Command, now: datetime, via: str) -> Ruling[Collection]:
    """Carries out ``command`` at ``now``; a look-up, which webhooks request by the dozen, leaves no entry.

    A repeated ``command_id`` gets the first answer again and changes nothing.
    """
    if earlier := answered(collection.entries, command):
        return Ruling(collection, earlier.text, earlier.refusal)
    ruling = billing.commands.decide(collection, command, collection.entries, lambda: _apply(collection, command, now))
    if isinstance(command, LookUp) and ruling.refusal is None:
        return ruling
    noted = ruling.value.noted(
        now,
        command.by,
        command_name(command, COLLECTION_COMMANDS),
        ruling.result,
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
    fields = {"via": via, "accepted": False, "refusal": Refusal.OTHER}
    return Ruling(collection.noted(now, "unknown", name[:100], problem, **fields), problem, Refusal.OTHER)


def _apply(collection: Collection, command: Command, now: datetime) -> tuple[Collection, str]:
    if collection.closed is not None:
        raise Refused(f"{collection.period} is settled already: {collection.outcome}")
    if collection.release is not None and not isinstance(command, Resume | Retry | LookUp):
        raise Refused("the card's payment is being cancelled; repeat the command after that", Refusal.LATER)
    match command:
        case Halt():
            halt = Halted(by=command.by, reason=command.reason, at=now)
            halted = collection.evolve(halt=halt, alerted_at=None)
            halted = halted.unbegun() if halted.brake else halted
            return halted, (
                "halted; the customer is not reminded and the card not tried until resumed"
                + ("; the try that has begun ends first" if halted.attempt else "")
            )
        case Resume():
            return _resume(collection)
        case Retry():
            return _retry(collection, command)
        case ReplaceCard():
            return _replace_card(collection, command)
        case RecordPayment():
            return _record_payment(collection, command, now)
        case WriteOff():
            released = _released(collection, Release(by=command.by, reason=command.reason))
            return released, f"{collection.outstanding} are written off once the card's payment is cancelled"
        case LookUp():
            return collection.to_look_up(), "the payment is looked up"
    raise Refused(f"a collection does not take {type(command).__name__}")


def _released(collection: Collection, release: Release) -> Collection:
    return collection.evolve(release=release, trouble=collection.outage)


def _resume(collection: Collection) -> tuple[Collection, str]:
    if collection.halt is None and collection.failure is None:
        raise Refused("it is not halted")
    resumed = collection.evolve(halt=None, trouble=collection.outage, alerted_at=None)
    if collection.untried_card and collection.halt is not None:
        return resumed.evolve(untried_card=False).with_new_card(), "resumed; the new card is tried now"
    return resumed, "resumed"


def _retry(collection: Collection, command: Retry) -> tuple[Collection, str]:
    if not collection.by_card:
        raise Refused(_NOT_BY_CARD)
    if collection.brake:
        raise Refused(collection.brake.text)
    if collection.attempt or collection.looking or collection.release is not None:
        if collection.failure is None:
            raise Refused("the outcome of the last try has to be known first; it is being looked up", Refusal.LATER)
        return collection.evolve(trouble=None, alerted_at=None), "tried again"
    if collection.remedy is CardRemedy.NEW_CARD:
        raise Refused("the bank does not allow another try with this card; the customer has to register a new one")
    if collection.remedy is CardRemedy.AUTHENTICATE:
        raise Refused("only the customer can confirm this payment, by the link in the mail")
    return collection.evolve(attempt=RequestedTry(by=command.by), trouble=collection.outage), "the card is tried now"


def _replace_card(collection: Collection, command: ReplaceCard) -> tuple[Collection, str]:
    card, card_before = command.card, collection.customer.payment_method
    customer = collection.customer.evolve(payment_method=card)
    if card.is_same(card_before):
        if card.last4 in ("", card_before.last4):
            raise Refused("this card is known already", Refusal.UNCHANGED)
        return collection.evolve(customer=customer), f"the card now ends in {card.last4}"
    if not collection.by_card:
        raise Refused(_NOT_BY_CARD)
    if collection.attempt or collection.looking:
        text = "the outcome of the last try has to be known first; the new card is taken after that"
        raise Refused(text, Refusal.LATER)
    if card.payer_id != card_before.payer_id:
        release = Release(by=command.by, reason=command.reason, customer=customer)
        return _released(collection, release), "tried once the payment of the other id is cancelled"
    effect = "it is tried once this is resumed" if collection.halt else "it is tried now"
    return collection.evolve(customer=customer).with_new_card(), f"the new card is on file; {effect}"


def _record_payment(collection: Collection, command: RecordPayment, now: datetime) -> tuple[Collection, str]:
    if any(payment.reference == command.reference for payment in collection.received):
        raise Refused(f"payment {command.reference} is on record already")
    if command.amount_minor > collection.outstanding_minor:
        raise Refused(f"only {collection.outstanding} are owed; record that, and return the rest")
    if len(collection.received) >= RECEIVED_MAX:
        raise Refused(f"{RECEIVED_MAX} payments are on record; record what else has arrived as one")
    received = Received(reference=command.reference, amount_minor=command.amount_minor, at=now, by=command.by)
    release = Release(by=command.by, reason=command.reason, received=received)
    return _released(collection, release), "recorded once the card's payment is cancelled, so that nobody pays twice"
