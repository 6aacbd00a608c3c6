"""What a procedure asks of whoever opens an order, and what of it a request says."""

from collections.abc import Mapping
from datetime import date

from pydantic import TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.tariffs.tariff import TariffCode
from billing.tasks.forms import Answer
from orders.procedures.procedure import Asked, Procedure, RequestField
from orders.service.service_order import ServiceRequest

_TARIFF: TypeAdapter[str] = TypeAdapter(TariffCode)
_APART = (Asked.SUBSCRIBER, Asked.ACCOUNT)


class Unfit(InvalidInput):
    """A request does not say what its procedure asks for."""


def asked_values(procedure: Procedure, request: ServiceRequest) -> dict[str, Answer]:
    """The values of the request, by the names of the procedure's fields; the address is that of a new account, too.

    Raises ``Unfit``, which names every field that is missing, false or unknown.
    """
    fields = {str(field.name): field for field in procedure.fields}
    given = _given(request)
    if "address" in fields and request.subscriber is not None and request.subscriber.address is not None:
        given.setdefault("address", request.subscriber.address)
    problems = [f"{name}: {procedure.name} asks for no such thing" for name in given.keys() - fields.keys()]
    problems += [f"{field.name}: {fault}" for field in procedure.fields if (fault := _fault(field, request, given))]
    problems += [f"{name}: {procedure.name} asks for none" for name in _APART if _is_given(name, request, fields)]
    if problems:
        raise Unfit(f"order {request.number} cannot be opened: " + "; ".join(sorted(problems)))
    return given


def _given(request: ServiceRequest) -> dict[str, Answer]:
    return {name: value for name, value in request.values.items() if value != ""}


def _is_given(name: Asked, request: ServiceRequest, fields: dict[str, RequestField]) -> bool:
    return name not in fields and getattr(request, name) is not None


def _fault(field: RequestField, request: ServiceRequest, given: Mapping[str, Answer]) -> str:
    """What is wrong with what the request says; "": nothing."""
    if field.name in _APART:
        is_missing = field.required and getattr(request, field.name) is None
        return f"{field.label} is missing" if is_missing else ""
    value = given.get(field.name)
    if value is None:
        return f"{field.label} is missing" if field.required else ""
    if not isinstance(value, str):
        return f"{value!r} is no text"
    return _CHECKS.get(field.name, _anything)(field, value)


def _anything(field: RequestField, value: str) -> str:
    return ""


def _category(field: RequestField, value: str) -> str:
    return "" if value in field.options else f"{value!r} is none of: {', '.join(field.options)}"


def _day(field: RequestField, value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        return f"{value!r} is no day; write it like 2026-12-24"
    return ""


def _tariff(field: RequestField, value: str) -> str:
    try:
        _TARIFF.validate_python(value)
    except ValidationError:
        return f"{value!r} is no code of a tariff; see: python starter.py tariffs list"
    return ""


_CHECKS = {Asked.CATEGORY: _category, Asked.DATE: _day, Asked.TARIFF: _tariff}
