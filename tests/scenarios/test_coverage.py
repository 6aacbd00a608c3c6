"""Eight things go wrong with a month's customers; ``coverage`` names each, and says 0 once people have mended them."""

import json

from billing.commands import Halt
from billing.period import Period
from bootstrap import connect_completeness
from tests.bed import OCTOBER, Bed
from tests.scenarios.accidents import ANN, ghost_is_started_by_hand, ledger_loses_october
from tests.typed import typed

SEPTEMBER = "2026-09"
BY = ("--by", "ann", "--reason", "mended")
SALES = {
    "acme": ("100", "Hosting"),
    "kiwi": ("20.5", "Storage"),
    "bergson": ("480", "Licences"),
    "quito": ("'12,50", "Ribbon"),
    "lost": ("7", "Bread"),
    "zed": ("9", "Old sale"),
}


async def kinds(bed: Bed) -> dict[str, int]:
    """The findings of the command, by kind; its exit code has to fit."""
    code, output = await typed(bed, "coverage", "--period", OCTOBER, "--json")
    found = json.loads(output)
    assert code == (0 if found["covered"] else 1), output
    counted: dict[str, int] = found["kinds"]
    return counted


def write_sales(bed: Bed, typo: str) -> None:
    rows = [(f"{name}@example.com", *sale) for name, sale in SALES.items()]
    bed.sales(OCTOBER, *rows, (typo, "50", "More storage"))


async def planted(bed: Bed) -> None:
    """Everybody is billed for October by now, in the ledger or not."""
    bed.sales(SEPTEMBER)
    write_sales(bed, "kivi@example.com")
    for name in ("acme", "kiwi", "bergson", "quito"):
        await bed.start(await bed.customer(name), OCTOBER)
        await bed.drafted(name, OCTOBER)
    for name in ("zed", "lost"):
        await bed.start(await bed.customer(name), SEPTEMBER)
        await bed.drafted(name, SEPTEMBER)
    # an account that is closed
    assert (await typed(bed, "close", "zed", *BY))[0] == 0
    assert (await typed(bed, "skip", "zed", "--period", SEPTEMBER, *BY))[0] == 0
    await bed.handle("zed").result()
    # a month that the ledger has lost, with its workflow
    await ledger_loses_october(bed, "lost")
    # a workflow that somebody terminated, and one that somebody started by hand
    await bed.handle("acme").terminate()
    await ghost_is_started_by_hand(bed)
    assert (await bed.command("bergson", Halt(**ANN))).accepted


async def test_coverage_names_each_problem_and_is_satisfied_once_they_are_mended(bed: Bed) -> None:
    await planted(bed)
    code, output = await typed(bed, "coverage", "--period", OCTOBER)
    assert code == 1, output
    for words in (
        "acme has no running workflow",
        "python starter.py start acme",
        "monthly-billing-v1-ghost runs, but its customer is not in the ledger",
        "is it kiwi@example.com (kiwi)?",
        "zed is closed (ann: mended), but has row 7 of worksheet 2026-10: 9.00 EUR",
        "quito: row 5 of worksheet 2026-10 cannot be read",
        "lost has no month 2026-10; the last one is 2026-09",
        "bergson: halted by ann: checking",
        "50.00 EUR",
    ):
        assert words in output, output
    assert await kinds(bed) == {
        "missing": 1,
        "no workflow": 1,
        "workflow without a customer": 1,
        "unclaimed row": 1,
        "row of a closed account": 1,
        "unreadable row": 1,
        "halted": 1,
    }

    for command in (
        ("start", "acme", "lost"),
        ("start", "--from", "ghost.csv"),
        ("start", "zed", "--reopen"),
        ("edit", "quito", "--change", "row-5=12.50", *BY),
        ("resume", "bergson", *BY),
        ("edit", "kiwi", "--add", "More storage=50.00", *BY),
    ):
        code, output = await typed(bed, *command)
        assert code == 0, output
    write_sales(bed, "kiwi@example.com")
    for name in ("lost", "zed"):
        await bed.drafted(name, OCTOBER)

    code, output = await typed(bed, "coverage", "--period", OCTOBER)
    assert code == 0, output
    assert "Every customer and every row is accounted for." in output
    assert "invoiced" in output
    assert "Late by" not in output, "October was over when they were started"
    found = await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(OCTOBER))
    (euros,) = found.sums
    assert (euros.sheet_minor, euros.invoiced_minor) == (66650, 67900)
    assert found.customers == dict.fromkeys(SALES, "waiting")


async def test_what_is_down_is_said_and_never_called_covered(bed: Bed) -> None:
    await bed.monitored()
    assert (await typed(bed, "coverage", "--period", OCTOBER))[0] == 0
    code, output = await typed(bed, "coverage", "--period", OCTOBER, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert code == 1, output
    assert "not looked at: Temporal: no Temporal server answers" in output
    assert "1 customer; 1 waiting" in output
    await bed.sheets_fault(path="/v4/", kind="status", status=503, times=None)
    code, output = await typed(bed, "coverage", "--period", OCTOBER)
    assert code == 1, output
    assert "not looked at: the sheet: " in output
    assert "accounted for" not in output
    code, output = await typed(
        bed, "coverage", "--period", OCTOBER, BILLING_LEDGER_URL=f"sqlite:///{bed.folder}/no/ledger"
    )
    assert (code, "the ledger could not" in output) == (1, True), output


async def test_a_person_is_forgotten_once_the_account_is_closed(bed: Bed) -> None:
    await bed.monitored()
    asked = ("--by", "ann", "--reason", "asked by letter")
    code, output = await typed(bed, "customers", "erase", "acme", *asked)
    assert (code, "its workflow runs" in output) == (1, True), output
    assert (await typed(bed, "close", "acme", *BY))[0] == 0
    await bed.announced()
    month = await bed.month("acme")
    await bed.skip_to("acme", month.charge_at)
    await bed.handle("acme").result()
    code, output = await typed(bed, "customers", "erase", "acme", *asked)
    assert code == 0, output
    assert "acme: erased" in output
    assert "at Stripe: " in output
    assert "acme@example.com" not in (await typed(bed, "show", "acme"))[1]
    assert "nothing to erase" in (await typed(bed, "customers", "erase", "acme", *asked))[1]
    code, output = await typed(bed, "export", "--period", OCTOBER, "--format", "json")
    assert (code, '"total_minor":10000' in output.replace(" ", "")) == (0, True), output
