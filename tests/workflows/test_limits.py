"""1.9 MB at every door of a workflow: a clear refusal, nothing stuck, and whoever says halt is heard afterwards."""

import asyncio
import contextlib
import re
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError

from billing.collections.commands import COLLECTION_COMMANDS
from billing.collections.stages import CollectionStage
from billing.commands import Halt, Resume
from billing.errors import BillingError
from billing.invoices.commands import CHANGES_MAX, COMMANDS, Edit
from billing.invoices.invoice import DRAFT_MAX_BYTES, INVOICE_MAX_BYTES, AddLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.keys import digest_workflow_id
from billing.period import Period
from clients.collection_commands import pay
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.stops import text_of

pytestmark = pytest.mark.turns(3)

ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}
HUGE = "x" * 1_900_000
QUOTES = '"' * 900_000  # twice as long in JSON
EMOJI = "\N{GRINNING FACE}"  # four bytes in JSON


def raw(text: str) -> RawValue:
    """As another client may send it."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=text.encode()))


ARGUMENTS: dict[str, object] = {
    "a reason": ANN | {"reason": HUGE},
    "a stop": ANN | {"stopped": QUOTES, "digest": QUOTES[:100]},
    "fields": ANN | {f"field{number}": number for number in range(100_000)},
    "a name": ANN | {HUGE: 1},
    "changes": ANN | {"period": OCTOBER, "version": 1, "changes": [{"op": "add"}] * 100_000},
    "a text": HUGE,
    "depth": raw("[" * 300 + "]" * 300),
    "depths": raw("[" * 100_000 + "]" * 100_000),
    "half of it": raw('{"by": "ann", "reason": "'),
}


async def heard(bed: Bed, number: int) -> Month:
    """The month once it has so many decisions; the server may fail a task over so much that arrives, and repeats it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(RPCError):
                month = await bed.month("acme")
                if month.decision_count == number:
                    return month
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("argument", ARGUMENTS.values(), ids=ARGUMENTS)
async def test_huge_commands_are_refused_and_a_halt_is_heard_afterwards(bed: Bed, argument: object) -> None:
    await bed.monitored()
    handle = bed.handle("acme")
    for name in COMMANDS:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await handle.execute_update(name, argument)
        assert re.search("too large|cannot be read|Failed decoding", str(refused.value.cause))
    for name in [*COMMANDS, "please_halt", "n" * 900]:
        await handle.signal(name, argument)
    month = await heard(bed, len(COMMANDS) + 2)
    assert text_of(month.stopped) == "halted by unknown: an unreadable halt arrived"
    assert {each.accepted for each in month.decisions if "halt" not in each.command} == {False}
    assert (await bed.command("acme", Resume(**ANN))).accepted
    assert (await bed.command("acme", Halt(**ANN))).accepted
    async with asyncio.timeout(PATIENCE_SECONDS):  # a decision is answered first, and recorded with the next step
        while len(await bed.ledger.decisions("acme", Period(OCTOBER))) < len(COMMANDS) + 4:
            await asyncio.sleep(0.02)


async def test_a_signal_beyond_its_limit_is_not_even_looked_into(bed: Bed) -> None:
    await bed.monitored()
    padded = raw('{"by": "ann",' + " " * 250_000 + '"reason": "checking"}')
    await bed.handle("acme").signal("resume", padded)
    (decision,) = (await heard(bed, 1)).decisions
    assert (decision.by, decision.accepted) == ("unknown", False)
    assert "resume is too large, 250 kB; a command takes up to 250 kB" in decision.result


async def test_signals_by_the_hundred_with_the_longest_words_do_not_stop_a_month(bed: Bed) -> None:
    await bed.monitored()
    said = {"by": EMOJI * 200, "reason": EMOJI * 1000}
    await asyncio.gather(*(bed.handle("acme").signal("resume", said) for _ in range(400)))
    month = await heard(bed, 400)
    assert len(month.model_dump_json()) < 1_000_000
    assert (await bed.command("acme", Halt(**ANN))).accepted
    assert (await bed.until("acme", lambda month: len(month.decisions) <= 100)).halt is not None


async def test_an_invoice_that_edits_make_too_large_is_refused_and_is_charged_as_it_is(bed: Bed) -> None:
    await bed.monitored()
    line = AddLine(description="y" * 500, amount_minor=1)
    answers = []
    for version in range(1, 30):
        edit = Edit(**ANN, period=Period(OCTOBER), version=version, changes=(line,) * CHANGES_MAX)
        answers.append(await bed.command("acme", edit))
        if not answers[-1].accepted:
            break
    assert len(answers) > 10
    assert "more than the 800 kB that can be kept" in answers[-1].result
    month = await bed.month("acme")
    assert month.invoice is not None
    assert month.invoice.size_bytes <= INVOICE_MAX_BYTES
    assert (await bed.command("acme", Halt(**ANN))).accepted
    assert (await bed.command("acme", Resume(**ANN))).accepted
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000 + CHANGES_MAX * (len(answers) - 1))]


async def test_rows_that_do_not_fit_into_an_invoice_wait_for_a_person_who_sums_them_up(bed: Bed) -> None:
    customer = await bed.customer("acme")
    bed.sales(OCTOBER, *[(customer.mailbox, "1", EMOJI * 500)] * 2000)
    await bed.start(customer, OCTOBER)
    month = await bed.until("acme", lambda month: bool(month.failure))
    assert f"an invoice begins with up to {DRAFT_MAX_BYTES // 1000} kB; shorten their descriptions" in text_of(
        month.failure
    )
    assert (await bed.command("acme", Halt(**ANN))).accepted
    bed.sales(
        OCTOBER, *[(customer.mailbox, "1", f"Coffee and cake, table {row}, with a discount") for row in range(2000)]
    )
    assert (await bed.command("acme", Resume(**ANN))).accepted
    drafted = await bed.drafted("acme", OCTOBER)
    assert drafted.invoice is not None
    assert len(drafted.invoice.lines) == 2000


async def test_huge_words_to_a_collection_are_refused_and_a_halt_is_heard_afterwards(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda found: found.entry_count == 0)
    handle = bed.collection_handle()
    for name in COLLECTION_COMMANDS:
        with pytest.raises(WorkflowUpdateFailedError, match="Workflow update failed"):
            await handle.execute_update(name, ARGUMENTS["a stop"])
        await handle.signal(name, ARGUMENTS["a stop"])
    with pytest.raises(BillingError, match="pay cannot be read"):
        await pay(bed.client, "acme", Period(OCTOBER), f"https://example.com/{HUGE}")
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("pay")
    assert (await bed.tell(Halt(**ANN))).accepted
    assert (await bed.collection()).stage(month.charge_at) is CollectionStage.HALTED


async def test_a_ring_with_whatever_still_tells_the_reviewers(bed: Bed) -> None:
    await bed.monitored()
    digest = bed.client.get_workflow_handle(digest_workflow_id())
    await digest.signal("wake", args=[HUGE[:900_000], 2])
    await digest.signal("halt", HUGE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert "draft" in (await bed.digests())[0].text
