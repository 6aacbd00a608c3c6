"""Collections for the tests of the domain: one that is opened, one that has lived some days, and what people say."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, decide
from billing.collections.stages import CollectionStep, Counted
from billing.commands import Refusal, parse_command
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from tests.unit.months import DAY, charging

POOR, ODD, STOLEN, HESITANT = "insufficient_funds", "a_code_of_next_year", "stolen_card", "do_not_honor"
Answers = Callable[[Collection, datetime], ChargeResult]


def answer(code: str, at: datetime, **fields: Any) -> ChargeResult:
    """The processor's answer: a status, or the code of a decline."""
    known = code in list(ChargeStatus)
    status = ChargeStatus(code) if known else ChargeStatus.DECLINED
    codes = {} if known else {"code": "card_declined", "decline_code": code}
    return ChargeResult.model_validate({"status": status, "at": at, "payment_id": "pi_1", **codes, **fields})


def always(code: str) -> Answers:
    return lambda _, at: answer(code, at)


def opened(code: str = POOR, **terms: Any) -> Collection:
    """120.00 EUR for October, not paid on 8 November."""
    month = charging(12_000, terms=terms)
    return Collection.open(month.charged(answer(code, month.charge_at)))


def lived(collection: Collection, days: float, answers: Answers | None = None) -> tuple[Collection, list[str]]:
    """The collection so many days after it was opened, and what was done until then: ``3 try``, ``21 alert`` …"""
    until = collection.since + days * DAY
    now = max([collection.since, *(entry.at for entry in collection.entries)])
    now = max(now, collection.contacted_at or now, collection.alerted_at or now)
    done: list[str] = []
    for _ in range(100):
        due = collection.due(now)
        if due.step is None:
            if due.at is None or due.at > until:
                return collection, done
            now = due.at
            continue
        if due.step is CollectionStep.CLOSE:
            return collection, done
        if due.step is not CollectionStep.CONTACT:
            done.append(f"{(now - collection.since) / DAY:g} {due.step}")
        collection = stepped(collection, due.step, now, answers or always(POOR))
    raise AssertionError("it makes no progress")


def stepped(collection: Collection, step: CollectionStep, now: datetime, answers: Answers) -> Collection:
    match step:
        case CollectionStep.CONTACT:
            after = collection.contacting(now)
        case CollectionStep.REMIND:
            after = collection.reminded(now)
        case CollectionStep.RESTRICT:
            after = collection.restricted_at(now, 1)
        case CollectionStep.BREAK_PROMISE:
            after = collection.promise_broken(now)
        case CollectionStep.ALERT:
            after = collection.alerted(now)
        case CollectionStep.SETTLE:
            after = collection.told(collection)
        case CollectionStep.COUNT:
            after = collection.counted(Counted(at=now, owed_minor={}), collection)
        case _:
            after = collection.answered(answers(collection, now), collection)
    assert after.revision > collection.revision
    return after


def say(collection: Collection, name: str, now: datetime, **fields: Any) -> tuple[Collection, str, Refusal | None]:
    command = parse_command(name, [{"by": "ann", "reason": "as agreed", **fields}], COLLECTION_COMMANDS)
    return decide(collection, command, now, "update")


def accepted(collection: Collection, name: str, now: datetime, **fields: Any) -> Collection:
    after, text, refusal = say(collection, name, now, **fields)
    assert refusal is None, text
    assert after.revision > collection.revision
    assert after.entry_count == collection.entry_count + 1
    assert (after.entries[-1].reason, after.entries[-1].text) == ("as agreed", text)
    return after


def refused(collection: Collection, name: str, now: datetime, **fields: Any) -> str:
    """Why a command is refused; it must leave its trace and nothing else."""
    after, text, refusal = say(collection, name, now, **fields)
    assert refusal is not None, text
    trail = {"entries", "entry_count", "revision"}
    assert after.model_dump(exclude=trail) == collection.model_dump(exclude=trail)
    assert after.revision > collection.revision
    assert (after.entries[-1].accepted, after.entries[-1].text) == (False, text)
    return text


def on(collection: Collection, day: float) -> datetime:
    return collection.since + day * DAY


CARD = CardOnFile(payer_id="cus_1", card_id="pm_2", last4="1881")


def arrived(collection: Collection, day: float, *amounts_minor: int) -> Collection:
    """Money of another rail for the one debt, told on that day: counted once the card cannot pay any more."""
    now, (debt,) = on(collection, day), collection.open_debts
    for amount_minor in amounts_minor:
        owed_minor = max(0, collection.open_debts[0].outstanding_minor - amount_minor)
        counted = Counted(at=now, owed_minor={debt.period: owed_minor})
        collection = say(collection, "count_again", now)[0]
        collection = collection.counted(counted, collection)
        if debt.by_card:
            collection = collection.answered(answer("canceled", now), collection)
            collection, debt = collection.counted(counted, collection), debt.evolve(by_card=False)
    return collection


def counted(collection: Collection, day: float, owed_minor: int) -> Collection:
    """The ledger has said that so much is owed."""
    now = on(collection, day)
    asked = say(collection, "count_again", now)[0]
    return asked.counted(Counted(at=now, owed_minor={collection.period: owed_minor}), asked)
