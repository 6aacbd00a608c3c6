"""Options and arguments that several commands share."""

from typing import Annotated

import typer

from billing.errors import InvalidInput
from billing.period import Period


def _period(text: str) -> Period:
    try:
        return Period(text)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's id, as in the list.")]
PeriodOption = Annotated[
    Period | None, typer.Option("--period", metavar="YYYY-MM", parser=_period, help="A month, such as 2026-11.")
]
