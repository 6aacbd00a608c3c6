"""A shop at WayForPay, by its JSON API on httpx.

    shop = WayForPay("wayforpay", "test_merch_n1", "flk3409refn54t54t*FNJRET", "www.market.ua")
    url = await shop.create_invoice(checkout, service_url, return_url)
    await shop.close()

Nothing is tried again here: whoever calls decides, by the error's class (``billing/errors.py``).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx
from pydantic import ValidationError

from adapters.addresses import is_secure
from adapters.wayforpay.bodies import Fields, read_body, read_json, text_of
from adapters.wayforpay.errors import TooLong, TooMuch, of_status, refusal, translated, unanswered
from adapters.wayforpay.signature import is_signed, sign
from adapters.wayforpay.transactions import GONE_BACK, reference_of, transaction_of
from billing.apart import Failed, why
from billing.errors import BillingError, InvalidInput, NotFound, PaymentForbidden, PaymentUnreadable, RequestTaken
from billing.money import plain_amount
from billing.payments.checkouts import Checkout
from billing.payments.gateway import Callback, GatewayTransaction

API_URL = "https://api.wayforpay.com/api"
TIMEOUT_SECONDS = 30.0
"""For a whole request."""
WINDOW = timedelta(days=30)
"""What one request for the list covers; WayForPay takes a month."""
WINDOW_MIN = timedelta(minutes=1)
"""Into how small pieces a time is cut whose list does not fit in one answer, or takes too long."""
ADDRESS_MAX = 256
_ANSWER_BYTES = 20_000_000
_SIGNED = ("merchantAccount", "orderReference", "amount", "currency")
_CALLBACK = (*_SIGNED, "authCode", "cardPan", "transactionStatus", "reasonCode")
_REFUND = ("merchantAccount", "orderReference", "transactionStatus", "reasonCode")
_UNKNOWN = "billing-doctor-asks-for-nothing"


class WayForPay:
    """``GatewayShop`` for the rail of this name. ``order_field`` is the additional field for an order's number."""

    def __init__(
        self, rail: str, merchant: str, secret: str, domain: str, order_field: str = "", api_url: str = API_URL
    ) -> None:
        self.rail = rail
        self._merchant = merchant
        self._secret = secret
        self._domain = domain
        self._order_field = order_field
        self._api_url = api_url
        self._window = WINDOW
        self._http = httpx.AsyncClient(timeout=None, trust_env=api_url == API_URL, verify=is_secure(api_url))

    async def close(self) -> None:
        await self._http.aclose()

    async def ping(self) -> str:
        """Asks for an order that nobody has: does the shop take our signature?"""
        with suppress(NotFound):
            await self.transaction(_UNKNOWN)
        return f"the shop {self._merchant} takes our signature"

    async def create_invoice(self, checkout: Checkout, service_url: str, return_url: str) -> str:
        """The page is payable until the link expires: without a timeout, WayForPay gives it an hour."""
        about = _about(checkout)
        amount, currency = plain_amount(checkout.amount_minor, checkout.currency), checkout.currency.upper()
        date, name = int(checkout.created_at.timestamp()), checkout.description
        order = {
            "merchantAccount": self._merchant,
            "merchantDomainName": self._domain,
            "orderReference": checkout.checkout_id,
            "orderDate": date,
            "amount": amount,
            "currency": currency,
        }
        life_seconds = max(60, int((checkout.expires_at - checkout.created_at).total_seconds()))
        addresses = {"serviceUrl": service_url, "returnUrl": return_url}
        fields = {
            "transactionType": "CREATE_INVOICE",
            "merchantTransactionSecureType": "AUTO",
            "apiVersion": 1,
            **order,
            **dict.fromkeys(("orderTimeout", "orderLifetime"), str(life_seconds)),
            "productName": [name],
            "productCount": [1],
            "productPrice": [amount],
            **{key: url for key, url in addresses.items() if url and len(url) <= ADDRESS_MAX},
        }
        answer = await self._called(about, fields, [*map(str, order.values()), name, "1", amount])
        url = answer.get("invoiceUrl")
        if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1:")):
            raise unanswered(about, "no address of a page")
        return url

    async def remove_invoice(self, reference: str) -> None:
        fields = {"transactionType": "REMOVE_INVOICE", "merchantAccount": self._merchant, "apiVersion": 1}
        await self._called(reference, {**fields, "orderReference": reference}, (self._merchant, reference))

    async def transaction(self, reference: str) -> GatewayTransaction:
        fields = {"transactionType": "CHECK_STATUS", "merchantAccount": self._merchant, "apiVersion": 2}
        signed = (self._merchant, reference)
        answer = await self._called(reference, {**fields, "orderReference": reference}, signed, _CALLBACK)
        try:
            if reference_of(answer) != reference:
                raise unanswered(reference, "it is about another order")
            return transaction_of(self.rail, answer, self._order_field, says_returned=True)
        except (InvalidInput, ValidationError) as error:
            raise PaymentUnreadable(f"{reference}: {_unfit(error)}; look at it in the cabinet of WayForPay") from None

    async def transactions(self, since: datetime, until: datetime) -> AsyncIterator[GatewayTransaction | Failed]:
        """What was too much for one answer is not asked for at once the next time; twice as much as was answered is."""
        while since < until:
            end = min(until, since + self._window)
            try:
                rows = await self._listed(since, end)
            except TooMuch:
                if end - since <= WINDOW_MIN:
                    raise
                self._window = max(WINDOW_MIN, (end - since) / 2)
                continue
            for fields in rows:
                yield self._row(fields)
            since = end
        self._window = min(WINDOW, self._window * 2)

    async def refund(self, reference: str, amount_minor: int, currency: str, reason: str) -> None:
        amount, about = plain_amount(amount_minor, currency), f"refund of {reference}"
        answer = await self._called(
            about,
            {
                "transactionType": "REFUND",
                "merchantAccount": self._merchant,
                "orderReference": reference,
                "amount": amount,
                "currency": currency.upper(),
                "comment": reason[:250],
                "apiVersion": 1,
            },
            (self._merchant, reference, amount, currency.upper()),
            _REFUND,
        )
        if text_of(answer, "orderReference") != reference:
            raise unanswered(about, "it is about another order")
        if text_of(answer, "transactionStatus") not in GONE_BACK:
            raise RequestTaken(f"{about}: WayForPay has taken it, and gives the money back later")

    def read_callback(self, body: bytes) -> Callback:
        if not self._secret:
            raise PaymentForbidden(f"set the secret key of {self.rail} in BILLING_WAYFORPAY")
        fields = read_body(body)
        if text_of(fields, "merchantAccount") != self._merchant:
            raise InvalidInput("the message is for another merchant account; compare BILLING_WAYFORPAY")
        if not self._is_signed(fields, _CALLBACK):
            raise InvalidInput("the message is not signed with the shop's secret key; compare BILLING_WAYFORPAY")
        try:
            seen = transaction_of(self.rail, fields, self._order_field, says_returned=False)
        except (InvalidInput, ValidationError) as error:
            reference = text_of(fields, "orderReference")[:100]
            raise PaymentUnreadable(
                f"WayForPay has signed a message about {reference!r} ({self.rail}) that cannot be taken: "
                f"{_unfit(error)}; look at it in its cabinet"
            ) from None
        what = [text_of(fields, name) for name in ("orderReference", "transactionStatus", "processingDate", "amount")]
        digest = hashlib.sha256(";".join(what).encode()).hexdigest()[:32]
        return Callback(f"gateway:{self.rail}:{digest}", seen)

    def accepted(self, reference: str, at: datetime) -> dict[str, object]:
        seconds = int(at.timestamp())
        signature = sign(self._secret, (reference, "accept", str(seconds)))
        return {"orderReference": reference, "status": "accept", "time": seconds, "signature": signature}

    async def _listed(self, since: datetime, until: datetime) -> list[Any]:
        begin, end = int(since.timestamp()), int(until.timestamp()) + 1
        fields = {"transactionType": "TRANSACTION_LIST", "merchantAccount": self._merchant, "apiVersion": 2}
        about = f"the transactions since {since:%Y-%m-%d %H:%M} UTC"
        signed = (self._merchant, str(begin), str(end))
        answer = await self._called(about, {**fields, "dateBegin": begin, "dateEnd": end}, signed)
        rows = answer.get("transactionList")
        if not isinstance(rows, list):
            raise unanswered(about, "no list")
        return rows

    def _row(self, fields: Any) -> GatewayTransaction | Failed:
        reference = ""
        try:
            reference = reference_of(fields)
            return transaction_of(self.rail, fields, self._order_field, says_returned=True)
        except Exception as error:  # whatever it is: the others are read
            digest = hashlib.sha256(repr(fields).encode("utf-8", "replace")).hexdigest()[:8]
            name = reference or f"a transaction without a reference ({digest})"
            return Failed(customer_id="", reason=f"{name}: {_unfit(error)}")

    async def _called(self, about: str, fields: Fields, signed: Sequence[str], answers: Sequence[str] = ()) -> Fields:
        """The answer to a signed request; what ``answers`` names is signed in it. Raises what it refuses."""
        with translated(about):
            body = {**fields, "merchantSignature": sign(self._secret, signed)}
            async with asyncio.timeout(TIMEOUT_SECONDS):
                async with self._http.stream("POST", self._api_url, json=body) as response:
                    if error := of_status(response, about):
                        raise error
                    answer = read_json(await _read(response))
            error = refusal(text_of(answer, "reasonCode"), about)
            signature = text_of(answer, "merchantSignature")
            is_right = self._is_signed(answer, answers)
            if answers and not is_right and (signature or error is None):
                raise unanswered(about, "its signature is wrong")
            if error is not None and not (answers and is_right and _is_state(fields, answer, error)):
                raise error
            return answer

    def _is_signed(self, fields: Fields, names: Sequence[str]) -> bool:
        try:
            values = [text_of(fields, name) for name in names]
            return is_signed(self._secret, values, text_of(fields, "merchantSignature"))
        except UnicodeEncodeError:
            return False


def _is_state(asked: Fields, answer: Fields, error: BillingError) -> bool:
    """Whether the reason code is that of the payment which was looked up, such as a declined one's: no refusal.

    An order that is not found may be called declined, too.
    """
    is_refused = isinstance(error, NotFound | PaymentForbidden)
    return asked["transactionType"] == "CHECK_STATUS" and bool(text_of(answer, "transactionStatus")) and not is_refused


async def _read(response: httpx.Response) -> bytes:
    """Raises ``TooLong`` for an answer without end."""
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > _ANSWER_BYTES:
            raise TooLong
    return body


def _unfit(error: Exception) -> str:
    return str(error) if isinstance(error, BillingError) else why(error)


def _about(checkout: Checkout) -> str:
    return f"the payment link of {checkout.customer_id}, {checkout.subject}"
