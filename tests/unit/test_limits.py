"""No text, list or number from outside is without a limit, nor is anything that is kept: all models are looked at."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_type_hints

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.params import Form
from pydantic import BaseModel, Field, SecretStr, TypeAdapter

import activities
import adapters
import billing
import cli
import clients
import console
import inbound
import orders
import services
import settings
import wording
import workflows
from billing.model import Code, Few, Line, Model
from billing.reviewers.alerts import Alert
from console.web.forms import FIELD_MAX, form_of

_PACKAGES = (billing, orders, wording, services, activities, workflows, clients, adapters, inbound, console, cli)
EXEMPT = {
    "LastRun.report": "what Coverage.brief() has written, whose lists and texts are limited",
    "OutgoingEvent.payload": "an Event as it was written, whose fields are limited",
    "Settings.data_dir": "the file system has a limit of its own",
    "Settings.google_credentials_file": "the file system has a limit of its own",
    "Settings.procedures": "the file system has a limit of its own",
    "Settings.registers_folder": "the file system has a limit of its own",
    "Settings.sales_folder": "the file system has a limit of its own",
}


def _modules() -> Iterator[Any]:
    for package in _PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in found.name and not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


MODULES = list(_modules())


def _kinds(base: type[Any]) -> Iterator[type[Any]]:
    for kind in base.__subclasses__():
        if not kind.__module__.startswith(("sandbox", "tests")):
            yield kind
        yield from _kinds(kind)


def _ours() -> list[type[Any]]:
    kinds: set[type[Any]] = {*_kinds(Model), settings.Settings}
    return sorted(kinds, key=lambda kind: f"{kind.__module__}.{kind.__name__}")


# -- what has no limit


def unlimited(kind: type[Any]) -> list[str]:
    """The fields of a model that may be of any length or size; those of models in it are theirs."""
    found = []
    for name, field in kind.model_fields.items():
        if field.annotation is SecretStr:
            found += [] if any(hasattr(each, "max_length") for each in field.metadata) else [f"{kind.__name__}.{name}"]
            continue
        annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        schema = TypeAdapter(annotation).core_schema
        found += [f"{kind.__name__}.{name}: {what}" for what in _lacking(schema, {})]
    return found


def _lacking(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    kind = schema["type"]
    if kind == "definitions":
        known = {**known, **{each["ref"]: each for each in schema["definitions"]}}
        yield from _lacking(schema["schema"], known)
    elif kind == "definition-ref":
        if schema["schema_ref"] in known:  # else it is inside of itself, and looked at already
            others = {ref: each for ref, each in known.items() if ref != schema["schema_ref"]}
            yield from _lacking(known[schema["schema_ref"]], others)
    elif kind in ("str", "bytes", "list", "set", "frozenset", "dict") or (kind == "tuple" and _is_open(schema)):
        if "max_length" not in schema:
            yield kind
        for part in ("items_schema", "keys_schema", "values_schema"):
            if part in schema:
                for inner in [schema[part]] if isinstance(schema[part], dict) else schema[part]:
                    yield from _lacking(inner, known)
    elif kind == "int":
        if not {"le", "lt"} & schema.keys() or not {"ge", "gt"} & schema.keys():
            yield kind
    elif kind in ("any", "json", "url", "decimal"):
        yield kind
    elif kind != "model" or not issubclass(schema["cls"], Model):  # those of ours are looked at by themselves
        for inner in _inner(schema):
            yield from _lacking(inner, known)


def _is_open(schema: Mapping[str, Any]) -> bool:
    return schema.get("variadic_item_index") is not None


_NO_SCHEMAS = frozenset(
    ["cls", "config", "default", "expected", "function", "json_schema", "members", "metadata", "serialization"]
)
"""``json_schema`` describes the same value as the ``python_schema`` beside it."""


def _inner(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas in it, of whatever kind it is: a union's, a named tuple's, a dataclass's, a foreign model's."""
    for name, value in schema.items():
        if name not in _NO_SCHEMAS:
            yield from _schemas(value)


def _schemas(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _schemas(each)


def _forms() -> Iterator[tuple[str, Any]]:
    """Every field of every form, by its endpoint."""
    for module in (each for each in MODULES if each.__name__.startswith("console.")):
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__ and not issubclass(kind, Model):
                for name, method in inspect.getmembers(kind, inspect.isfunction):
                    for field, hint in get_type_hints(method, include_extras=True).items():
                        if any(isinstance(each, Form) for each in getattr(hint, "__metadata__", ())):
                            yield f"{kind.__name__}.{name}: {field}", hint


FORMS = dict(_forms())


@pytest.mark.parametrize("hint", FORMS.values(), ids=FORMS)
def test_every_field_of_a_form_has_a_limit(hint: Any) -> None:
    limits = [each for each in hint.__metadata__ if isinstance(each, Form)]
    metadata = [each for each in (*hint.__metadata__, *limits[0].metadata) if not isinstance(each, Form)]
    assert not list(_lacking(TypeAdapter(Annotated[hint.__origin__, *metadata]).core_schema, {}))


READERS = {
    "console.web.forms": "each field has a limit",
    "console.customers.register": "MAX_BODY_BYTES",
    "inbound.stripe_webhooks": "its own limit of a body",
    "inbound.text_reports": "MAX_BODY_BYTES",
    "inbound.signed": "MAX_BODY_BYTES",
    "inbound.wayforpay_callbacks": "its own limit of a body",
    "inbound.billers.reading": "MAX_BODY_BYTES",
}


def test_bodies_are_read_in_few_places_that_limit_them() -> None:
    """A parameter of ``Form()`` is seen above; who reads a request past it is seen here."""
    readers = set()
    for module in (each for each in MODULES if each.__name__.startswith(("console.", "inbound."))):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if not isinstance(node, ast.Attribute) or "request" not in ast.unparse(node.value).lower():
                continue
            if node.attr in ("form", "body", "json", "stream", "receive"):
                readers.add(module.__name__)
    assert readers == READERS.keys()


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ({"reason": "x" * FIELD_MAX}, 200),
        ({"reason": "x" * (FIELD_MAX + 1)}, 413),
        ({"whatever": "x" * (FIELD_MAX + 1)}, 413),
        ({"x" * 400: ""}, 413),
        ({"rows": "x" * (FIELD_MAX + 1)}, 200),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_a_field_of_a_reviewers_form_has_a_limit_whatever_its_name(field: dict[str, str], status: int) -> None:
    assert (await _sent(data=field)).status_code == status


async def test_a_file_is_no_field_of_a_reviewers_form() -> None:
    assert (await _sent(files={"reason": b"x"}, data={"other": "y"})).json() == ["other"]


async def _sent(**body: Any) -> httpx.Response:
    app = FastAPI()

    @app.post("/")
    async def receive(request: Request) -> list[str]:
        return [*await form_of(request)]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as browser:
        return await browser.post("/", **body)


class _Pair(NamedTuple):
    named: str
    limited: Code = ""


@dataclass
class _Plain:
    plain: str
    others: list["_Plain"]


class _Foreign(BaseModel):
    foreign: str
    pair: _Pair


def test_text_inside_of_what_is_no_model_of_ours_is_found() -> None:
    class Careless(Model):
        pair: _Pair
        pairs: Few[_Pair] = ()
        plain: _Plain
        foreign: _Foreign | None = None
        own: Alert | None = None

    assert unlimited(Careless) == [
        "Careless.pair: str",
        "Careless.pairs: str",
        *("Careless.plain: str", "Careless.plain: list"),
        *("Careless.foreign: str", "Careless.foreign: str"),
    ]


def test_a_new_field_without_a_limit_is_found() -> None:
    class Careless(Model):
        text: str
        blob: bytes = b""
        numbers: tuple[int, ...] = ()
        words: dict[str, str] = Field(default_factory=dict)
        maybe: Code | int | None = None
        several: list[Line] = Field(default_factory=list)
        limited: Few[Code] = ()
        anything: Any = None

    assert [each.partition(".")[2] for each in unlimited(Careless)] == [
        "text: str",
        "blob: bytes",
        *("numbers: tuple", "numbers: int"),
        *("words: dict", "words: str", "words: str"),
        "maybe: int",
        "several: list",
        "anything: any",
    ]


@pytest.mark.parametrize("kind", _ours(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_field_of_every_model_has_a_limit(kind: type[Any]) -> None:
    found = [each for each in unlimited(kind) if each.partition(":")[0] not in EXEMPT]
    assert not found, f"{', '.join(found)}: take a type of billing/model.py that has a limit"
