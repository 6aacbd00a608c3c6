"""The dialects with commands: their codes, and how they write an answer. The neutral one is in ``neutral.py``."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from xml.sax.saxutils import escape, quoteattr

from billing.billers.biller import Answer, BillerCode, Contract, Dialect, Outcome
from billing.money import plain_amount

JSON, XML = "application/json; charset=utf-8", "text/xml; charset=utf-8"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Written(Protocol):
    """How a dialect writes an answer; ``status``: with which HTTP status."""

    def render(self, outcome: Outcome) -> Answer: ...

    def status(self, code: BillerCode) -> int: ...


@dataclass(frozen=True)
class Kaspi:
    """Kaspi's protocol, in JSON or XML. Always 200; what is not sure is a broken line, for 5 may be final."""

    contract: Contract
    is_xml: bool = False

    def render(self, outcome: Outcome) -> Answer:
        values = _of_kaspi(outcome, self.contract)
        if self.is_xml:
            return _xml(outcome.code, values, outcome.name)
        if outcome.name:
            values["fields"] = {"field1": {"@name": "name", "#text": outcome.name}}
        content = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        return Answer(outcome.code, content, JSON)

    def status(self, code: BillerCode) -> int:
        return 503 if code is BillerCode.AGAIN else 200


@dataclass(frozen=True)
class Osmp:
    """OSMP's (QIWI's) protocol, in XML. Always 200."""

    contract: Contract

    def render(self, outcome: Outcome) -> Answer:
        values: dict[str, object] = {"osmp_txn_id": outcome.txn_id}
        values |= {"prv_txn": outcome.number} if outcome.number else {}
        values |= _sum(outcome, self.contract)
        values |= {"result": _OSMP[outcome.code], "comment": self.contract.words(outcome.code)}
        return _xml(outcome.code, values, outcome.name)

    def status(self, code: BillerCode) -> int:
        return 200


def written(contract: Contract, form: str) -> Written | None:
    """How answers are written for this contract, if its address ends in ``form`` ("" or "xml"); None: it never does."""
    if contract.dialect is Dialect.KASPI and form in ("", "xml"):
        return Kaspi(contract, is_xml=form == "xml")
    return Osmp(contract) if contract.dialect is Dialect.OSMP and not form else None


def _of_kaspi(outcome: Outcome, contract: Contract) -> dict[str, object]:
    values: dict[str, object] = {"txn_id": outcome.txn_id}
    values |= {"prv_txn_id": str(outcome.number)} if outcome.number else {}
    values |= {"result": _KASPI[outcome.code]} | _sum(outcome, contract)
    values |= {"bin": contract.bin} if contract.bin else {}
    return values | {"comment": contract.words(outcome.code)}


def _sum(outcome: Outcome, contract: Contract) -> dict[str, object]:
    is_known = outcome.amount_minor is not None and outcome.code is BillerCode.OK
    return {"sum": plain_amount(outcome.amount_minor or 0, contract.currency)} if is_known else {}


def _xml(code: BillerCode, values: Mapping[str, object], name: str) -> Answer:
    lines = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in values.items())
    fields = f"<fields><field1 name={quoteattr('name')}>{escape(name)}</field1></fields>" if name else ""
    return Answer(code, f"{_HEAD}<response>{lines}{fields}</response>\n".encode(), XML)


_KASPI = {
    BillerCode.OK: 0,
    BillerCode.NOT_FOUND: 1,
    BillerCode.BAD_ACCOUNT: 1,
    BillerCode.CLOSED: 1,
    BillerCode.BAD_SUM: 5,
    BillerCode.TOO_SMALL: 5,
    BillerCode.TOO_LARGE: 5,
    BillerCode.MALFORMED: 5,
    BillerCode.AGAIN: 5,  # with HTTP 503
}
_OSMP = {
    BillerCode.OK: 0,
    BillerCode.AGAIN: 1,
    BillerCode.BAD_ACCOUNT: 4,
    BillerCode.NOT_FOUND: 5,
    BillerCode.CLOSED: 79,
    BillerCode.TOO_SMALL: 241,
    BillerCode.TOO_LARGE: 242,
    BillerCode.BAD_SUM: 300,
    BillerCode.MALFORMED: 300,
}
