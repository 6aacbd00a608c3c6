"""Addresses in the cells of a worksheet: alone in a cell, or beside something else, which bills nobody."""

import re

from billing.customers.address import LOCAL_PART, email_key
from billing.model import LINE_MAX

SEPARATOR = re.compile(r"[,;|\t]")
_LABEL = r"[^@\s,;|<>\":()\[\]\\.'`!?&=/]+"
_ADDRESS = re.compile(rf"{LOCAL_PART}@{_LABEL}(?:\.{_LABEL})+")


def is_address(cell: str) -> bool:
    """Whether the cell is one email address and nothing else."""
    return _ADDRESS.fullmatch(cell) is not None


def address_within(cell: str) -> str:
    """The address in a cell with more in it: ``Acme <a@b.com>``, ``mailto:a@b.com``; "" if there are two, or none."""
    addresses = {email_key(address): address for address in _ADDRESS.findall(cell[:LINE_MAX])}
    return next(iter(addresses.values())) if len(addresses) == 1 else ""


def is_joined(cell: str) -> bool:
    """Whether the cell is several, with separators that do not separate: an address and something else."""
    parts = [part for part in map(str.strip, SEPARATOR.split(cell)) if part]
    return 0 < sum(map(is_address, parts)) < len(parts)
