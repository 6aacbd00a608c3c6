"""What all chapters of the demo act on, and what everybody in it can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from billing.reviewers.ports import AlertListing
from billing.tasks.ports import TaskListing
from orders.procedures.procedure import Procedure
from orders.service.ports import OpenServiceOrders
from sandbox.demo.bank_app import pay_in_app
from sandbox.demo.commands import Commands
from sandbox.demo.narrator import Narrator
from sandbox.demo.telecom.company import NEWCOMERS, RESIDENTS, CompanyLedger
from sandbox.demo.telecom.people import Person
from sandbox.demo.telecom.story_time import StoryTime, TimeLedger
from sandbox.sms.store import SMS_JOURNAL, texts
from sandbox.stack.stack import Stack
from sandbox.stand_ins.office import Office

_NAMES = {each.phone.removeprefix("+"): each.customer_id for each in (*RESIDENTS, *NEWCOMERS)}


class SceneLedger(AlertListing, CompanyLedger, OpenServiceOrders, TaskListing, TimeLedger, Protocol):
    """The part of the ledger that is used here."""


@dataclass
class Scene:
    """``office`` has on paper what is asked for and done; ``numbers`` are account numbers by customer."""

    stack: Stack
    ledger: SceneLedger
    show: Narrator
    time: StoryTime
    people: dict[str, Person]
    office: Office
    procedures: Mapping[str, Procedure]
    numbers: dict[str, str] = field(default_factory=lambda: {each.customer_id: each.number for each in RESIDENTS})
    _read: int = 0

    def __post_init__(self) -> None:
        self.type = Commands(self.stack, self.show).type

    @property
    def folder(self) -> Path:
        return self.stack.settings.data_dir

    def chapter(self, text: str) -> None:
        self.show.chapter(f"{self.time.today}: {text}")

    async def phones_ring(self) -> None:
        """Everything is told; shows the texts that have arrived since the last look."""
        await self.time.rest()
        arrived = texts(self.folder / SMS_JOURNAL)
        self.show.answer([f"SMS to {_NAMES[text['to']]}: {text['body']}" for text in arrived[self._read :]])
        self._read = len(arrived)

    async def pays_in_app(self, customer_id: str) -> None:
        """All that the bank's app asks for."""
        shown = await pay_in_app(self.stack, self.numbers[customer_id])
        self.show.tell(f"{customer_id} types the account number in the bank's app, reads “{shown}”, and pays.")
