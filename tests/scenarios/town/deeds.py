"""What subscribers and people do, as acts: ``pays(45)``, ``halts``, ``promises(10)``."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from billing.billers.biller import Answer, Asked, BillerCode
from billing.collections.commands import Promised, WriteOff
from billing.commands import Halt
from billing.invoices.commands import CloseAccount
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.subscribers.service import ServiceCause, ServiceState
from billing.tariffs.changes import AddDiscount, EndTariff, Subscribe, TariffChange
from billing.tasks.listing import TaskFilter
from billing.tasks.member import Member
from billing.tasks.task import Completion, TaskKind
from bootstrap_billers import connect_billers
from clients.collection_commands import tell_collection
from tests.console.conftest import console
from tests.scenarios.town.town import ZONE, Act, Town

_BY: dict[str, Any] = {"by": "ann", "reason": "as agreed"}


def pays(amount: str) -> Act:
    """By transfer, for what is oldest."""

    async def act(town: Town, name: str) -> None:
        town.money += 1
        owed = (await town.bed.ledger.balance(name)).owed
        payment = IncomingPayment(
            rail="transfer",
            reference=f"T{town.money}",
            customer_id=name,
            subject=owed[0].subject if owed else None,
            amount_minor=int(Decimal(amount) * 100),
            currency="eur",
            paid_at=town.now,
            **_BY,
        )
        assert await town.bed.ledger.book(payment, town.now)

    return act


def by_app(amount: str) -> Act:
    """In the bank's app, by account number."""

    async def act(town: Town, name: str) -> None:
        town.money += 1
        biller = connect_billers(town.bed.settings, town.bed.ledger)["bank-app"]
        asked = Asked(
            town.numbers[name][0], amount, str(town.money), f"{town.now.astimezone(ZoneInfo(ZONE)):%Y%m%d%H%M%S}"
        )
        answer = await biller.pay(asked, lambda outcome: Answer(outcome.code, b"", ""))
        assert answer.code is BillerCode.OK

    return act


def promises(days: int) -> Act:
    """To pay within so many days; taken down by a person."""

    async def act(town: Town, name: str) -> None:
        answer = await tell_collection(town.bed.client, name, Promised(**_BY, until=_day(town, days)))
        assert answer.accepted, answer.result

    return act


def promises_alone(days: int) -> Act:
    """To pay within so many days; by themselves, on the page that their bills lead to."""

    async def act(town: Town, name: str) -> None:
        async with console(town.bed) as desk:
            page = desk.page(name, town.periods[town.month_of(town.now) - 1], town.now + timedelta(days=9))
            answer = await desk.browser.post(f"{page}/promise", data={"until": f"{_day(town, days)}"})
            assert answer.status_code == 303, answer.text
        collection = await town.bed.collection(name)
        assert collection.promise is not None
        assert collection.promise.by == "the customer"

    return act


def _day(town: Town, days: int) -> date:
    """So many days from now on."""
    return (town.now + timedelta(days=days)).astimezone(ZoneInfo(ZONE)).date()


async def halts(town: Town, name: str) -> None:
    assert (await tell_collection(town.bed.client, name, Halt(**_BY))).accepted


async def is_written_off(town: Town, name: str) -> None:
    for item in (await town.bed.ledger.balance(name)).owed:
        command = WriteOff(**_BY, period=Period(item.subject.name))
        answer = await tell_collection(town.bed.client, name, command)
        assert answer.accepted, answer.result


async def is_disconnected(town: Town, name: str) -> None:
    """People have done their task."""
    (task,) = await town.bed.ledger.tasks(TaskFilter(kind=TaskKind.DISCONNECT, customer_id=name))
    done = Completion(reason=_BY["reason"])
    await town.bed.ledger.complete_task(task.number, Member(_BY["by"], (task.department,)), done, town.now)


async def ends_the_tariff(town: Town, name: str) -> None:
    """With the month that is billed now; the present one has no draft yet."""
    last_day = town.periods[town.month_of(town.now) - 1].last_day
    await town.agree(EndTariff(account=town.numbers[name][0], ends_on=last_day))


async def goes_on_holiday(town: Town, name: str) -> None:
    await town.change(town.numbers[name][0], ServiceState.SUSPENDED, ServiceCause.REQUEST)


async def comes_back(town: Town, name: str) -> None:
    await town.change(town.numbers[name][0], ServiceState.ACTIVE, ServiceCause.REQUEST)


async def leaves(town: Town, name: str) -> None:
    """The service and the account are closed."""
    await town.change(town.numbers[name][0], ServiceState.DISCONNECTED, ServiceCause.TERMINATED)
    assert (await town.bed.command(name, CloseAccount(**_BY))).accepted


async def is_erased(town: Town, name: str) -> None:
    await town.bed.ledger.erase(name, "ann", "asked by letter", town.now)


async def has_texts_looked_up(town: Town, _: str) -> None:
    """The vendor is asked how far all texts have come."""
    await town.reports.ask()


async def card_fails(town: Town, name: str) -> None:
    await town.bed.behaves(town.customers[name], "decline:insufficient_funds")


async def card_works(town: Town, name: str) -> None:
    await town.bed.behaves(town.customers[name], "succeed")


def half_price(months: int) -> Any:
    """A discount for the first months."""

    def agreed(town: Town, name: str) -> TariffChange:
        first, last = town.periods[0].first_day, town.periods[months - 1].last_day
        number = town.numbers[name][0]
        return AddDiscount(key="half", account=number, starts_on=first, ends_on=last, percent=50, text="Welcome")

    return agreed


def another_tariff(code: str, month: int) -> Any:
    """From the first day of a month on."""

    def agreed(town: Town, name: str) -> TariffChange:
        return Subscribe(account=town.numbers[name][0], tariff=code, starts_on=town.periods[month - 1].first_day)

    return agreed
