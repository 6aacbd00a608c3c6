"""The private world of a rehearsal: Temporal in memory, stand-ins, a ledger and the production worker; all local."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from billing.customers.customer import Customer
from bootstrap import SANDBOX_NAMESPACE, connect_adapters
from process.logs import start_logging
from process.temporal import compression_to
from sandbox.rehearsal.book import Book
from sandbox.rehearsal.ledger import PrivateLedger
from sandbox.rehearsal.reality import RealSettings
from sandbox.rehearsal.reviewers import MonthWatch
from sandbox.stack.ports import Ports
from sandbox.stack.stand_ins import stand_ins
from sandbox.stack.temporal_server import temporal_server
from sandbox.stripe.cards import card_details
from sandbox.stripe.store import Store
from settings import Settings
from worker import create_worker
from workflows.visibility import SEARCH_ATTRIBUTES

_NO_CARD = "0000"  # the last digits of an unknown card
_UNLISTED = {"history.visibilityProcessorMaxPollRPS": "1", "history.visibilityTaskBatchSize": "1"}
"""The workflows of a rehearsal are never listed; indexing them would be a sixth of the server's work."""
_QUIET = TelemetryFilter(core_level="ERROR", other_level="ERROR")


@dataclass(frozen=True)
class World:
    client: Client
    ledger: PrivateLedger
    folder: Path


@asynccontextmanager
async def private_world(book: Book, cards: dict[str, str], folder: Path, watching: MonthWatch) -> AsyncIterator[World]:
    """Everything that the workflows need until the block ends; ``cards`` are behaviours, by customer.

    Nothing is read from the environment or a ``.env`` file.
    """
    start_logging("WARNING", folder / "worker.log")
    _register([entry.month.customer for entry in book.entries], cards, folder / "stripe.jsonl")
    async with AsyncExitStack() as exits:
        server = await exits.enter_async_context(
            temporal_server(
                namespace=SANDBOX_NAMESPACE,
                log=folder / "temporal.log",
                search_attributes=SEARCH_ATTRIBUTES,
                dynamic_config=_UNLISTED,
            )
        )
        ports = await exits.enter_async_context(stand_ins(folder))
        settings = _settings(book.looks, folder, ports)
        adapters = await exits.enter_async_context(connect_adapters(settings))
        ledger = await PrivateLedger.connect(settings.ledger)
        exits.push_async_callback(ledger.close)
        await ledger.migrate()
        await begin(book, ledger)
        client = await Client.connect(
            server.address,
            namespace=SANDBOX_NAMESPACE,
            data_converter=pydantic_data_converter,
            grpc_compression=compression_to(server.address),
            interceptors=[watching],
            runtime=Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=_QUIET))),
        )
        own = replace(adapters, ledger=ledger)
        await exits.enter_async_context(create_worker(client, settings, own, book.sheets))
        yield World(client, ledger, folder)


def _settings(real: RealSettings, folder: Path, ports: Ports) -> Settings:
    """The sandbox's, beside those of ``real``. Reviewers get no digests, which would mix months of different clocks."""
    return ports.into(Settings(_env_file=None, data_dir=folder, **real._asdict()))


async def begin(book: Book, ledger: PrivateLedger) -> None:
    """Records the first month of each chain, the month before it, and former addresses, as the real ledger has them."""
    now = datetime.now(UTC)
    for entry in book.entries:
        customer = entry.month.customer
        if entry.before is not None:
            await ledger.record(entry.before, max(now, entry.before.closed.at if entry.before.closed else now))
        await ledger.open_balance(customer.customer_id, entry.carried_minor, customer.currency, now)
        await ledger.record(entry.month, now)
        await ledger.keep_addresses(entry.month.customer, entry.former)
        await ledger.keep_subscribed(customer.customer_id, entry.has, now)


def _register(customers: list[Customer], cards: dict[str, str], journal: Path) -> None:
    """Customers and cards, under the ids that they have at the real processor, in the journal of its stand-in."""
    store = Store(journal)
    for customer in customers:
        if customer.card is None:
            continue
        settings = {"default_payment_method": None}
        account = store.new("customer", "cus", email=customer.email, name=customer.name, invoice_settings=settings)
        store.put(account | {"id": customer.card_on_file.payer_id})
        card = card_details("visa", customer.card_on_file.last4 or _NO_CARD, 12, 2099)
        method = store.new("payment_method", "pm", card=card, customer=customer.card_on_file.payer_id)
        store.put(method | {"id": customer.card_on_file.card_id})
        store.note(
            "behaviour", card=customer.card_on_file.card_id, behaviour=cards.get(customer.customer_id, "succeed")
        )
    store.commit()
