"""``subscribers import``: service accounts from a CSV file."""

from pathlib import Path
from typing import Annotated

import typer

from billing.apart import why
from billing.model import Code, Count, Model, Words
from billing.subscribers.service_file import parse_services
from bootstrap import connect_ledger
from bootstrap_texts import phone_reader
from cli.customers.start import parsed_file, read_text
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import SHOWN, print_json, print_table, progress, say, whole
from settings import load_settings

REGISTERED, REFUSED = "registered", "refused"


class ServiceOutcome(Model):
    """What became of a row of the file."""

    line: Count
    customer_id: Words
    number: Code = ""
    status: Code
    reason: Words = ""


async def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file of service accounts.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Register the service accounts of a CSV file; a repeat changes nothing, and retries what was refused.

    Columns: customer; optional are number, phone (such as +77011234567), address, node, tags, with spaces between
    them, and personal_number, of which a keyed digest and the last four digits are kept. These three replace what was
    known. A wrong row is refused with its line; the others are registered. Exit code 0 if nothing was refused.

    [bold]Example[/bold]
    $ python starter.py subscribers import accounts.csv --by ann --reason "from the old system"
    """
    settings = load_settings()
    given = phone_reader(settings), settings.personal_key, by, reason
    found = parsed_file(file, read_text(file), lambda text: parse_services(text, *given))
    outcomes = [ServiceOutcome(status=REFUSED, **dict(problem)) for problem in found.problems]
    async with connect_ledger(settings) as ledger:
        await ledger.service("")  # an unprepared ledger is one error, not one for each row
        with progress("registering", len(found.services)) as advance:
            for line, wanted in found.services.items():
                outcome = ServiceOutcome(line=line, customer_id=wanted.customer_id, status=REGISTERED)
                try:
                    service = await ledger.register_service(wanted, settings.now())
                    outcomes.append(outcome.evolve(number=service.number))
                except Exception as error:  # of any kind: the others go on
                    outcomes.append(outcome.evolve(status=REFUSED, reason=why(error)))
                advance(1)
    _report(sorted(outcomes, key=lambda outcome: outcome.line), as_json)


def _report(outcomes: list[ServiceOutcome], as_json: bool) -> None:
    counts = {status: sum(one.status == status for one in outcomes) for status in (REGISTERED, REFUSED)}
    if as_json:
        print_json({"counts": counts, "subscribers": outcomes})
    else:
        columns = (whole("Line", "right"), "Customer", whole("Number"), whole("Result"), "Why")
        print_table(columns, outcomes, _row, empty="the file has no rows", shown=SHOWN)
        say(", ".join(f"{count:,} {status}" for status, count in counts.items()), style="bold")
    if counts[REFUSED]:
        raise typer.Exit(1)


def _row(outcome: ServiceOutcome) -> tuple[object, ...]:
    return outcome.line, outcome.customer_id, outcome.number, outcome.status, outcome.reason
