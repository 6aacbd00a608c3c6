"""Options and arguments that several commands share."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.model import Who, Why
from billing.period import Period
from billing.validation import explain


def required_period(text: str) -> Period:
    """An option's text as a period."""
    try:
        return Period(text)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None


def _kept_as(kind: Any) -> Callable[[str], str]:
    def said(text: str) -> str:
        if not text.strip():
            raise typer.BadParameter("it is empty; the audit trail keeps who decides, and why")
        try:
            return str(TypeAdapter(kind).validate_python(text))
        except ValidationError as error:
            raise typer.BadParameter(f"the audit trail cannot keep it: {explain(error)}") from None

    return said


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's id, as in the list.")]
PeriodOption = Annotated[
    Period | None, typer.Option("--period", metavar="YYYY-MM", parser=required_period, help="A month, such as 2026-11.")
]

By = Annotated[
    str, typer.Option("--by", metavar="WHO", callback=_kept_as(Who), help="Who decides; kept in the audit trail.")
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="WHY", callback=_kept_as(Why), help="Why; kept in the audit trail.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait for an answer.")
]
CommandId = Annotated[
    str, typer.Option("--command-id", metavar="ID", help="The id of an earlier try; an id takes effect once only.")
]
DEFAULT_TIMEOUT_SECONDS = 15.0
