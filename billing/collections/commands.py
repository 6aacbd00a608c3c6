"""What becomes of a command to a collection: accepted with an effect or refused with a reason, and in the diary."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from billing.collections.collection import Collection, Received, Release
from billing.collections.dunning import Remedy
from billing.invoices.commands import Command, Halt, Refusal, Resume, content_of
from billing.invoices.month import Hold
from billing.model import Code, Model, Url, Words
from billing.payments.methods import CardOnFile
from billing.validation import explain


class Retry(Command):
    """Try the card now; also a person's answer to a code that we do not know."""


class ReplaceCard(Command):
    """The customer has another card; it is tried at once."""

    card: CardOnFile


class RecordPayment(Command):
    """Money has arrived by another way, such as a bank transfer; the card is not charged for it any more.

    ``amount_minor`` in minor units of the collection's currency; ``reference`` names the transfer, once.
    """

    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    amount_minor: int = Field(gt=0, le=10**15)


class WriteOff(Command):
    """Give the rest up. The card's payment is cancelled first; if that has succeeded, the amount is recovered."""


class LookUp(Command):
    """Something may have changed at the processor: ask it, and go by its answer."""


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
"""Payments by other means of one collection."""
_NOT_BY_CARD = "a part was paid by other means; the rest is not charged to the card"


class CollectionResult(Model):
    """The answer to a command: done or refused, in words, and where the collection stands now."""

    accepted: bool
    refusal: Refusal | None = None
    result: Words
    stage: Code


class PayResult(Model):
    """What came of a customer's own try: go to ``redirect_url`` to authenticate, or ``stage`` says how it stands."""

    stage: Code
    redirect_url: Url = ""


class _Refused(Exception):
    """A command that does not fit; the message says why and what would."""

    def __init__(self, text: str, code: Refusal = Refusal.OTHER) -> None:
        super().__init__(text)
        self.code = code


def decide(
    collection: Collection, command: Command, name: str, now: datetime, via: str
) -> tuple[Collection, str, Refusal | None]:
    """Applies ``command``; answers in words, and by a code if it is refused.

    A repeated ``command_id`` gets the first answer again and changes nothing.
    """
    content = content_of(command)
    for entry in collection.entries:
        if command.command_id and (entry.command_id, entry.content) == (command.command_id, content):
            return collection, entry.text.removeprefix(f"{command.reason}: "), entry.refusal
    try:
        decided, text = _apply(collection, command, now)
        refusal = None
    except _Refused as error:
        decided, text, refusal = collection, str(error), error.code
    except ValidationError as error:  # whatever has no room in the collection is refused
        decided, text, refusal = collection, explain(error), Refusal.OTHER
    if isinstance(command, LookUp) and refusal is None:
        return decided, text, None  # webhooks come by the dozen; what is found is in the diary
    noted = decided.noted(
        now,
        command.by,
        f"{name} ({command.via or via})",
        f"{command.reason}: {text}",
        accepted=refusal is None,
        refusal=refusal,
        command_id=command.command_id,
        content=content,
    )
    return noted, text, refusal


def _apply(collection: Collection, command: Command, now: datetime) -> tuple[Collection, str]:
    if command.command_id and any(command.command_id == entry.command_id for entry in collection.entries):
        raise _Refused("this command id was used for another command already; give a new one")
    if collection.outcome is not None:
        raise _Refused(f"{collection.period} is settled already: {collection.outcome}")
    if collection.release is not None and not isinstance(command, Resume | Retry | LookUp):
        raise _Refused("it is being given up; that has to end first", Refusal.LATER)
    match command:
        case Halt():
            halted = collection.evolve(hold=Hold(by=command.by, reason=command.reason, at=now), alerted_at=None)
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
    raise _Refused(f"a collection does not take {type(command).__name__}")


def _released(collection: Collection, release: Release) -> Collection:
    return collection.evolve(release=release, trouble="")


def _resume(collection: Collection) -> tuple[Collection, str]:
    if collection.hold is None and not collection.trouble:
        raise _Refused("it is not halted")
    resumed = collection.evolve(hold=None, trouble="", alerted_at=None)
    if collection.untried_card and collection.hold is not None:
        return resumed.evolve(untried_card=False).with_new_card(), "goes on; the new card is tried now"
    return resumed, "goes on"


def _retry(collection: Collection, command: Retry) -> tuple[Collection, str]:
    if not collection.by_card:
        raise _Refused(_NOT_BY_CARD)
    if collection.brake:
        raise _Refused(collection.brake)
    if collection.attempt or collection.looking or collection.release is not None:
        if not collection.trouble:
            raise _Refused("the outcome of the last try has to be known first; it is being looked up", Refusal.LATER)
        return collection.evolve(trouble="", alerted_at=None), "tried again"
    if collection.remedy is Remedy.NEW_CARD:
        raise _Refused("the bank does not allow another try with this card; the customer has to register a new one")
    if collection.remedy is Remedy.AUTHENTICATE:
        raise _Refused("only the customer can confirm this payment, by the link in the mail")
    return collection.evolve(attempt=f"asked for by {command.by}", trouble=""), "the card is tried now"


def _replace_card(collection: Collection, command: ReplaceCard) -> tuple[Collection, str]:
    card, known = command.card, collection.customer.payment_method
    customer = collection.customer.evolve(payment_method=card)
    if card.is_same(known):
        if card.last4 in ("", known.last4):
            raise _Refused("this card is known already", Refusal.UNCHANGED)
        return collection.evolve(customer=customer), f"the card ends in {card.last4} by now"
    if not collection.by_card:
        raise _Refused(_NOT_BY_CARD)
    if collection.attempt or collection.looking:
        text = "the outcome of the last try has to be known first; the new card is taken after that"
        raise _Refused(text, Refusal.LATER)
    if card.payer_id != known.payer_id:
        release = Release(by=command.by, reason=command.reason, customer=customer)
        return _released(collection, release), "tried once the payment of the other id is cancelled"
    halted = collection.hold is not None
    told = "the new card is on file; it is tried once this is resumed" if halted else "the new card is tried now"
    return collection.evolve(customer=customer).with_new_card(), told


def _record_payment(collection: Collection, command: RecordPayment, now: datetime) -> tuple[Collection, str]:
    if any(each.reference == command.reference for each in collection.received):
        raise _Refused(f"payment {command.reference} is on record already")
    if command.amount_minor > collection.outstanding_minor:
        raise _Refused(f"only {collection.outstanding} are owed; record that, and return the rest")
    if len(collection.received) >= RECEIVED_MAX:
        raise _Refused(f"{RECEIVED_MAX} payments are on record; record what else has arrived as one")
    received = Received(reference=command.reference, amount_minor=command.amount_minor, at=now)
    release = Release(by=command.by, reason=command.reason, received=received)
    return _released(collection, release), ("recorded once the card's payment is cancelled, so that nobody pays twice")
