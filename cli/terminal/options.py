"""Options and arguments that several commands share."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, NamedTuple, get_type_hints

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


def _audited(kind: Any) -> Callable[[str], str]:
    def validated(text: str) -> str:
        if not text.strip():
            raise typer.BadParameter("it is empty; the audit trail keeps who decides, and why")
        try:
            return str(TypeAdapter(kind).validate_python(text))
        except ValidationError as error:
            raise typer.BadParameter(f"the audit trail cannot keep it: {explain(error)}") from None

    return validated


def period_option(help: str, name: str = "--period") -> Any:
    """An option that takes a month."""
    return typer.Option(name, metavar="YYYY-MM", parser=required_period, help=help)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's id, as in the list.")]
PeriodOption = Annotated[Period | None, period_option("A month, such as 2026-11.")]
UnpaidPeriod = Annotated[Period | None, period_option("The month that was not paid; needed if several are owed.")]
BY_VARIABLE = "BILLING_BY"
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="WHO", envvar=BY_VARIABLE, callback=_audited(Who), help="Who decides; kept in the audit trail."
    ),
]
Reason = Annotated[
    str,
    typer.Option("--reason", metavar="WHY", callback=_audited(Why), help="Why; kept in the audit trail."),
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait for an answer.")
]
CommandId = Annotated[
    str, typer.Option("--command-id", metavar="ID", help="The id of an earlier try; an id takes effect once only.")
]


class CommandOptions(NamedTuple):
    """The options of every command to a month; ``timeout`` is in seconds."""

    customer_id: CustomerId
    by: By
    reason: Reason
    period: PeriodOption = None
    command_id: CommandId = ""
    timeout: Timeout = 15.0
    as_json: AsJson = False


class CollectionOptions(NamedTuple):
    """The options of every command to a collection."""

    customer_id: CustomerId
    by: By
    reason: Reason
    period: UnpaidPeriod = None
    command_id: CommandId = ""
    as_json: AsJson = False


def spread(run: Callable[..., Any]) -> Callable[..., Any]:
    """``run`` as Typer reads it: the fields of a parameter that is a named tuple are options of their own."""
    parameters = list(signature(run).parameters.values())
    groups = {option.name: option.annotation for option in parameters if hasattr(option.annotation, "_fields")}
    if not groups:
        return run

    @wraps(run)
    def command(**values: Any) -> Any:
        for name, group in groups.items():
            values[name] = group(**{field: values.pop(field) for field in group._fields})
        return run(**values)

    shown = [option for parameter in (*parameters[1:], parameters[0]) for option in _options(parameter)]
    shown.sort(key=lambda option: option.default is not Parameter.empty)
    command.__signature__ = Signature(shown)  # type: ignore[attr-defined]
    return command


def _options(parameter: Parameter) -> Iterator[Parameter]:
    group = parameter.annotation
    if not hasattr(group, "_fields"):
        yield parameter.replace(kind=Parameter.KEYWORD_ONLY)
        return
    for name, annotation in get_type_hints(group, include_extras=True).items():
        default = group._field_defaults.get(name, Parameter.empty)
        yield Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
