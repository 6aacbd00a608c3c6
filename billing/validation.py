"""Pydantic's errors, for people."""

from pydantic import ValidationError

from billing.model import cut

_SHOWN = 10  # of many mistakes
_SHORT = 100  # characters of a name


def explain(error: ValidationError) -> str:
    """The mistakes in one line, the first ten of many, without the values."""
    parts = []
    for item in error.errors(include_url=False, include_context=False, include_input=False)[:_SHOWN]:
        where = cut(".".join(str(part) for part in item["loc"]), _SHORT)
        message = item["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {message}" if where else message)
    more = [f"and {error.error_count() - _SHOWN} more"] if error.error_count() > _SHOWN else []
    return cut("; ".join(parts + more))


def plain(error: Exception) -> str:
    """The error in one line, without values that pydantic would quote."""
    return explain(error) if isinstance(error, ValidationError) else str(error)
