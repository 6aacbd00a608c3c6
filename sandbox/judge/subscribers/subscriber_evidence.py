"""All that is known of subscribers: by provisioning, by the vendor of texts, and by the ledger."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from billing.customers.customer import Customer
from billing.receivables.journal import AccountKind
from billing.receivables.listing import JournalRow
from billing.receivables.ports import THE_BEGINNING, THE_END, GeneralLedger
from billing.subscribers.ports import Services
from billing.subscribers.service import Service, ServiceChange
from billing.tariffs.items import Agreed
from billing.tariffs.ports import AgreedItems
from billing.texts.ports import TextStore
from billing.texts.text import TextRow
from sandbox.sms.store import SMS_JOURNAL, texts
from sandbox.stand_ins.provisioning import told

_OWN = (AccountKind.RECEIVABLE, AccountKind.CREDIT)
_ALL = 1_000_000


class SubscriberLedger(AgreedItems, GeneralLedger, Services, TextStore, Protocol):
    """The part of the ledger that is read here."""


@dataclass(frozen=True)
class SubscriberEvidence:
    """One customer; ``money`` are the entries of what is owed and of credit, in the journal's order."""

    customer: Customer
    services: list[Service]
    histories: Mapping[str, list[ServiceChange]]  # by account number
    money: list[JournalRow]
    texts: list[TextRow]  # the oldest first
    agreed: Agreed

    @property
    def customer_id(self) -> str:
        return self.customer.customer_id


@dataclass(frozen=True)
class SubscribersEvidence:
    """``calls`` are what provisioning has understood, ``texts`` what the vendor has taken; both in their order."""

    subscribers: Mapping[str, SubscriberEvidence] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)


async def read_subscribers(folder: Path, ledger: SubscriberLedger, customers: list[Customer]) -> SubscribersEvidence:
    """The ledger is read before the journals of those whom it tells."""
    money = await _money(ledger)
    found = {}
    for customer in customers:
        services = await ledger.services_of(customer.customer_id)
        found[customer.customer_id] = SubscriberEvidence(
            customer=customer,
            services=services,
            histories={each.number: await ledger.service_changes(each.number) for each in services},
            money=money[customer.customer_id],
            texts=(await ledger.texts(customer.customer_id, _ALL))[::-1],
            agreed=await ledger.agreed(customer.customer_id),
        )
    return SubscribersEvidence(found, told(folder / "provisioning.jsonl"), texts(folder / SMS_JOURNAL))


async def _money(ledger: GeneralLedger) -> defaultdict[str, list[JournalRow]]:
    rows: defaultdict[str, list[JournalRow]] = defaultdict(list)
    async for page in ledger.journal(THE_BEGINNING, THE_END):
        for row in page:
            if row.customer_id and row.kind in _OWN:
                rows[row.customer_id].append(row)
    return rows
