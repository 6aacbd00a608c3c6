"""Registers in a Temporal namespace the search attributes that the workflows set."""

import asyncio
from collections.abc import Collection
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

SEARCH_ATTRIBUTES_TIMEOUT_SECONDS = 30


class SearchAttributeError(RuntimeError):
    """The server cannot index what the workflows set."""


async def ensure_search_attributes(client: Client, keys: Collection[SearchAttributeKey[Any]]) -> None:
    """Register those of `keys` that the client's namespace lacks; return when queries can use all of them.

    Safe to repeat, on any server. Raises SearchAttributeError when one exists with another type: the server
    itself answers OK to that and changes nothing.
    """
    needed = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in keys}
    existing = await _search_attributes(client)
    for name in needed.keys() & existing.keys():
        if existing[name] != needed[name]:
            raise SearchAttributeError(
                f"Search attribute {name} of namespace {client.namespace} is {_type_name(existing[name])}, "
                f"but {_type_name(needed[name])} is needed. Remove it (temporal operator search-attribute "
                f"remove --name {name}) or use another namespace."
            )
    missing = {name: needed[name] for name in needed.keys() - existing.keys()}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
        await _wait_until_usable(client, missing)


async def _search_attributes(client: Client) -> dict[str, "IndexedValueType.ValueType"]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return dict((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def _wait_until_usable(client: Client, names: Collection[str]) -> None:
    """Listed is not enough: queries and starts are refused until the frontend renews its cache."""
    query = " AND ".join(f"{name} IS NULL" for name in names)
    try:
        async with asyncio.timeout(SEARCH_ATTRIBUTES_TIMEOUT_SECONDS):
            while True:
                try:
                    await client.count_workflows(query)
                    return
                except RPCError as error:
                    reason = error.message
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise SearchAttributeError(
            f"Search attributes {', '.join(names)} were added to namespace {client.namespace}, but are not "
            f"usable after {SEARCH_ATTRIBUTES_TIMEOUT_SECONDS} seconds: {reason}"
        ) from None


def _type_name(kind: "IndexedValueType.ValueType") -> str:
    return IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").title().replace("_", "")
