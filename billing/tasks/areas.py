"""How postal addresses are compared: with the areas of crews, and with where works are planned."""

import re

_WORD = re.compile(r"\w+")


def address_key(address: str) -> str:
    """The words of an address, each between spaces, so that a part of it is looked for by whole words.

    ``Abay Ave. 1`` has ``abay ave``, and not ``abay ave 12``.
    """
    words = _WORD.findall(address.casefold())
    return f" {' '.join(words)} " if words else ""
