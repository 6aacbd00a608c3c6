"""The bank's side of each protocol: the requests that it sends, and what it makes of an answer.

Written from the protocols' documents and not by the product's code: what the product gets wrong must not be wrong here
too. An answer that is not the protocol's counts as a broken line.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import httpx

from sandbox.bank.contracts import Contract, Dialect

DUMMY_SUM = "200.00"
"""What goes with ``check``; it means nothing."""


class Verdict(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    AGAIN = "again"  # the company does not know yet, and says so


class Answer(NamedTuple):
    """``number`` is the company's own of a payment; ``sum`` what an account owes; ``text`` the answer as it came."""

    verdict: Verdict
    code: str
    text: str
    number: str = ""
    sum: str = ""
    comment: str = ""


class NotTheProtocol(ValueError):
    """An answer that the bank cannot read, or that is about something else."""


def check_request(contract: Contract, txn_id: str, account: str) -> httpx.Request:
    if contract.dialect is Dialect.NEUTRAL:
        return _signed(contract, "GET", f"/bills/{quote(account, safe='')}", b"")
    return _command(contract, {"command": "check", "txn_id": txn_id, "account": account, "sum": DUMMY_SUM})


def pay_request(contract: Contract, txn_id: str, account: str, amount: str, txn_date: str) -> httpx.Request:
    """``txn_date`` is when the payer has paid, by the contract's clock: 20261130142500."""
    if contract.dialect is Dialect.NEUTRAL:
        paid = {"id": txn_id, "account": account, "sum": amount, "paid_at": f"{txn_date[:8]}T{txn_date[8:]}"}
        return _signed(contract, "POST", "/payments", json.dumps(paid).encode())
    fields = {"command": "pay", "txn_id": txn_id, "account": account, "sum": amount, "txn_date": txn_date}
    return _command(contract, fields)


def read_answer(contract: Contract, txn_id: str, response: httpx.Response) -> Answer:
    """Raises ``NotTheProtocol`` for everything that is repeated as after a broken line."""
    if contract.dialect is Dialect.NEUTRAL:
        return _neutral(txn_id, response)
    if response.status_code != 200:
        raise NotTheProtocol(f"HTTP {response.status_code}")
    is_osmp = contract.dialect is Dialect.OSMP
    fields = _xml(response.content) if is_osmp or contract.is_xml else _json(response.content)
    own, number = ("osmp_txn_id", "prv_txn") if is_osmp else ("txn_id", "prv_txn_id")
    if fields.get(own) != txn_id:
        raise NotTheProtocol(f"an answer about {fields.get(own)!r}")
    if not fields.get("result", "").isdigit():
        raise NotTheProtocol("no result")
    code = fields["result"]
    verdict = Verdict.OK if code == "0" else Verdict.AGAIN if code in _AGAIN[contract.dialect] else Verdict.REFUSED
    words = fields.get("sum", ""), fields.get("comment", "")
    return Answer(verdict, code, response.text, fields.get(number, ""), *words)


_AGAIN = {Dialect.KASPI: {"4"}, Dialect.OSMP: {"1", "90"}}


def _command(contract: Contract, fields: Mapping[str, str]) -> httpx.Request:
    return httpx.Request("GET", f"{contract.url}?{urlencode(fields)}")


def _json(content: bytes) -> dict[str, str]:
    """The fields of the object, as text, numbers as they are written."""
    try:
        found: Any = json.loads(content, parse_int=str, parse_float=str)
    except ValueError:
        raise NotTheProtocol("not JSON") from None
    if not isinstance(found, dict):
        raise NotTheProtocol("not an object")
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _xml(content: bytes) -> dict[str, str]:
    try:
        root = ElementTree.fromstring(content)  # of our own product, on this machine
    except ElementTree.ParseError:
        raise NotTheProtocol("not XML") from None
    if root.tag != "response":
        raise NotTheProtocol(f"<{root.tag}>")
    return {child.tag: child.text or "" for child in root}


# -- the neutral pair


def _signed(contract: Contract, method: str, path: str, body: bytes) -> httpx.Request:
    headers = {"Content-Type": "application/json"} if body else {}
    url = f"{contract.url}{path}"
    if contract.secret:
        now = str(int(time.time()))
        signed = b".".join((now.encode(), body)) if body else f"{now}.{httpx.URL(url).raw_path.decode()}".encode()
        digest = hmac.new(contract.secret.encode(), signed, hashlib.sha256).hexdigest()
        headers["Billing-Signature"] = f"t={now},v1={digest}"
    elif contract.user:
        pair = base64.b64encode(f"{contract.user}:{contract.password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    return httpx.Request(method, url, content=body, headers=headers)


def _neutral(txn_id: str, response: httpx.Response) -> Answer:
    """2xx is yes, 4xx is no with a code; all else is asked again."""
    if response.status_code == 429 or response.status_code >= 500:
        raise NotTheProtocol(f"HTTP {response.status_code}")
    fields = _json(response.content)
    if response.is_success:
        return Answer(Verdict.OK, "ok", response.text, fields.get("number", ""), fields.get("due", ""))
    if not response.is_client_error or not fields.get("code"):
        raise NotTheProtocol(f"HTTP {response.status_code}")
    return Answer(Verdict.REFUSED, fields["code"], response.text, comment=fields.get("message", ""))
