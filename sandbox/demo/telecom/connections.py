"""Two connections through four departments: dana by the web shop; erlan at the desk, who is not at home at first."""

from datetime import datetime

from billing.money import parse_amount
from sandbox.demo.telecom.company import CURRENCY, DANA, ERLAN
from sandbox.demo.telecom.front_desk import sent_by_shop, to_connect, typed_by_ann
from sandbox.demo.telecom.people import CONTRACT, PHOTO
from sandbox.demo.telecom.scene import Scene
from sandbox.stand_ins.bank import Bank, Transfer

DANAS, ERLANS = "101", "102"
_FEE = "10.00"


async def ask_to_be_connected(scene: Scene, visit_at: datetime) -> None:
    """Both orders go on until crews are on their way."""
    scene.chapter("two people want to be connected; operator, warehouse and accounting see to it")
    await sent_by_shop(scene, to_connect(DANAS, DANA))
    await typed_by_ann(scene, to_connect(ERLANS, ERLAN))
    ann, wes = scene.people["ann"], scene.people["wes"]
    await ann.does(DANAS, possible="yes", area="north-3", equipment="yes")
    await wes.does(DANAS, to_be_bought="no", what="router RT-1041")
    await ann.does(ERLANS, possible="yes", area="south-1", equipment="yes")
    await wes.does(ERLANS, to_be_bought="yes", what="a router")
    await wes.does(ERLANS)
    await scene.phones_ring()
    await scene.pays_in_app(DANA.customer_id)
    await _pay_by_transfer(scene)
    for order in (DANAS, ERLANS):
        await ann.does(order, day=f"{visit_at:%Y-%m-%d}", crew="karl")
    await scene.phones_ring()


async def connect(scene: Scene) -> None:
    """The crew installs; billing begins on this day."""
    scene.chapter("the crew installs; who is not at home gets another hour")
    ann, karl = scene.people["ann"], scene.people["karl"]
    await karl.does(DANAS, serials="RT-1041", files={"photo": PHOTO})
    await karl.does(DANAS, files={"contract": CONTRACT})
    await karl.returns(ERLANS, "plan_visit", "nobody opens the door")
    await ann.does(ERLANS, day=f"{scene.time.local:%Y-%m-%d}", crew="karl, after 17:00")
    await karl.does(ERLANS, serials="RT-2077")
    await karl.does(ERLANS, files={"contract": CONTRACT})
    await scene.phones_ring()
    scene.time.customers += [DANA.customer_id, ERLAN.customer_id]


async def _pay_by_transfer(scene: Scene) -> None:
    """The money is on the company's account, and accounting records it."""
    transfer = Transfer(
        reference="20871",
        payer=ERLAN.name,
        amount_minor=parse_amount(_FEE, CURRENCY),
        currency=CURRENCY,
        sent_at=scene.time.now,
        customer_id=ERLAN.customer_id,
    )
    Bank(scene.folder / "bank.jsonl").credit(transfer)
    money = ("--amount", _FEE, "--currency", CURRENCY, "--customer", ERLAN.customer_id)
    await scene.type(
        "payments", "record", "transfer", transfer.reference, *money, "--by", "bob", "--reason", "statement, line 4"
    )
