"""How orders come in: the web shop sends them by signed HTTP, an operator types them; the office has them on paper."""

import json
from typing import Any

from billing.subscribers.newcomer import NewSubscriber
from orders.order import Buyer
from orders.service.service_order import ServiceRequest
from sandbox.demo.telecom.company import CURRENCY, SLOW, ZONE, Newcomer
from sandbox.demo.telecom.scene import Scene
from sandbox.demo.web_shop import post_order
from sandbox.stand_ins.subscribers import SUBSCRIBERS, Subscribers


def to_connect(number: str, who: Newcomer) -> ServiceRequest:
    """Somebody new, with the tariff of most."""
    return ServiceRequest(
        number=number,
        procedure="connect",
        buyer=Buyer(customer_id=who.customer_id, name=who.name),
        subscriber=NewSubscriber(phone=who.phone, address=who.address),
        currency=CURRENCY,
        timezone=ZONE,
        values={"tariff": SLOW, "address": who.address},
    )


def about(number: str, procedure: str, account: str, **values: str) -> ServiceRequest:
    """Somebody who has an account."""
    return ServiceRequest(
        number=number, procedure=procedure, account=account, currency=CURRENCY, timezone=ZONE, values=dict(values)
    )


async def sent_by_shop(scene: Scene, request: ServiceRequest) -> None:
    _put_on_paper(scene, request)
    taken = await post_order(scene.stack, json.dumps(_body(request)).encode())
    _note(scene, request, taken["account"])
    what, answer = f"{request.procedure}, account {request.account}", "201"
    if request.buyer is not None:
        what, answer = f"{request.procedure} {request.buyer.name}, who is new", f"201, account {taken['account']}"
    scene.show.tell(f"The web shop sends POST /orders {request.number} ({what}); the answer is {answer}.")


async def typed_by_ann(scene: Scene, request: ServiceRequest) -> None:
    _put_on_paper(scene, request)
    options = ("--procedure", request.procedure, *_options(request), "--by", "ann")
    answer = await scene.type("orders", "open", request.number, *options)
    _note(scene, request, next(line.split()[1] for line in answer if line.strip().startswith("account")))


def _put_on_paper(scene: Scene, request: ServiceRequest) -> None:
    scene.office.orders(request, scene.procedures[request.procedure])
    scene.time.orders.append(request.number)


def _note(scene: Scene, request: ServiceRequest, account: str) -> None:
    """Whose a new account is, by the company's contracts."""
    if request.buyer is not None:
        Subscribers(scene.folder / SUBSCRIBERS).has(account, request.buyer.customer_id)
        scene.numbers[request.buyer.customer_id] = account


def _body(request: ServiceRequest) -> dict[str, Any]:
    given = request.model_dump(include={"number", "procedure", "account", "buyer", "subscriber"}, exclude_none=True)
    return {**given, **request.values}


def _options(request: ServiceRequest) -> list[str]:
    named: dict[str, Any] = {"account": request.account, **request.values}
    if request.buyer is not None and request.subscriber is not None:
        new = {"customer": request.buyer.customer_id, "name": request.buyer.name, "phone": request.subscriber.phone}
        named = new | named
    return [word for name, value in named.items() if value for word in (f"--{name}", str(value))]
