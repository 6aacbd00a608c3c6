"""Where service accounts are: a node, and tags with their index, written in the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, update

from adapters.sql.schema.billers import service_accounts, service_tags

_A, _T = service_accounts.c, service_tags.c
_NODE = update(service_accounts).where(_A.number == bindparam("of")).values(node=bindparam("to"))
_TAGS = update(service_accounts).where(_A.number == bindparam("of")).values(tags=bindparam("to"))
_UNTAG = delete(service_tags).where(_T.number == bindparam("of"))
_TAG = insert(service_tags)


def write_place(connection: Connection, number: str, node: str | None, tags: Sequence[str] | None) -> None:
    """None leaves it as it is; no tags at all remove those that were there."""
    if node is not None:
        connection.execute(_NODE, {"of": number, "to": node or None})
    if tags is not None:
        connection.execute(_TAGS, {"of": number, "to": " ".join(tags) or None})
        connection.execute(_UNTAG, {"of": number})
    if tags:
        connection.execute(_TAG, [{"tag": tag, "number": number} for tag in tags])
