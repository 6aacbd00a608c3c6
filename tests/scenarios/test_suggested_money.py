"""What is suggested about money is typed as it stands: what is owed is collected, what reconciliation finds is gone."""

from datetime import timedelta

from billing.commands import Halt
from billing.invoices.commands import Skip
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.debts import only
from tests.scenarios.accidents import ANN
from tests.scenarios.suggestions import findings, kinds, type_all, typed, write
from tests.suggested import commands_in


async def test_what_is_owed_is_collected_by_what_is_suggested(bed: Bed) -> None:
    names = ("acme", "bolt", "coal", "dune")
    write(bed, dict.fromkeys(names, "100"))
    for name in names:
        customer = await bed.customer(name)
        await bed.start(customer, OCTOBER)
        await bed.behaves(customer, "decline:insufficient_funds")
    for name in names:
        await bed.drafted(name, OCTOBER)
        await bed.closed(name)
        await bed.collects(lambda found: not only(found).attempt, name)
    await bed.collection_handle("dune").terminate("an accident")  # as last recorded, it goes on healthily
    await bed.collection_handle("acme").terminate("an accident")
    for table in ("debts", "collections"):
        await bed.tamper(f"DELETE FROM {table} WHERE customer_id = 'acme'")
    assert (await bed.tell(Halt(**ANN), "bolt")).accepted
    owed = await bed.collection("coal")
    await bed.skip_collection(owed.give_up_at - only(owed).opened_at + timedelta(days=1), "coal")
    found = await findings(bed)
    assert kinds(found) == [
        ("acme", "not collected"),
        ("bolt", "collection waits for a person"),
        ("coal", "collection waits for a person"),
        ("dune", "not collected"),
    ]
    await bed.behaves((await bed.recorded("coal", OCTOBER)).customer, "succeed")
    await type_all(bed, [each for each in found if each["customer_id"] not in ("acme", "dune")])
    words = next(commands_in("; ".join(each["commands"])) for each in found if each["customer_id"] == "acme")[0]
    _, output = await typed(bed, *words)
    told = " ".join(output.split())  # in a cell of several lines
    assert told.count("nobody collected it; now it is") == 2, "of acme and of dune"
    await bed.collects(lambda found: found.outcome is not None, "coal")
    await bed.collects(lambda found: found.halt is None, "bolt")
    assert await findings(bed) == []


async def refund(bed: Bed, payment_id: str) -> None:
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        answer = await http.post(f"{bed.stripe_url}/v1/refunds", data={"payment_intent": payment_id})
        answer.raise_for_status()


async def charged_by_hand(bed: Bed, name: str, amount: str = "10000", **metadata: str) -> str:
    customer = (await bed.recorded(name, OCTOBER)).customer
    form = {
        "amount": amount,
        "currency": "eur",
        "customer": customer.card_on_file.payer_id,
        "payment_method": customer.card_on_file.card_id,
        "confirm": "true",
        "off_session": "true",
        **{f"metadata[{key}]": value for key, value in metadata.items()},
    }
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        answer = await http.post(f"{bed.stripe_url}/v1/payment_intents", data=form)
        return str(answer.raise_for_status().json()["id"])


async def test_what_reconciliation_finds_is_gone_once_it_is_done_as_suggested(bed: Bed) -> None:
    names = ("twice", "hand", "dearer", "owing", "open", "skipped")
    write(bed, dict.fromkeys(names, "100"))
    for name in names:
        customer = await bed.customer(name)
        await bed.start(customer, OCTOBER)
        if name == "owing":
            await bed.behaves(customer, "decline:insufficient_funds")
    for name in names:
        await bed.drafted(name, OCTOBER)
    assert (await bed.command("skipped", Skip(**ANN))).accepted
    for name in ("twice", "hand", "dearer", "owing"):
        await bed.closed(name)
    await bed.collects(lambda found: not only(found).attempt, "owing")
    await bed.behaves((await bed.recorded("owing", OCTOBER)).customer, "succeed")
    ours = {each["metadata"]["customer_id"]: each["metadata"] for each in bed.intents()}
    skipped = ours["twice"] | {"customer_id": "skipped", "billing_key": ours["twice"]["billing_key"] + "-skipped"}
    doubtful = [
        await charged_by_hand(bed, "twice", **ours["twice"]),
        await charged_by_hand(bed, "hand"),
        await charged_by_hand(bed, "dearer", "12000", **ours["dearer"]),
        await charged_by_hand(bed, "skipped", **skipped),
    ]
    for name in ("owing", "open"):
        await charged_by_hand(bed, name)
    found = await findings(bed, "reconcile")
    assert {each["customer_id"] for each in found} == set(names)
    assert all("refund" in each["text"] for each in found if each["customer_id"] not in ("owing", "open"))
    for payment_id in doubtful:
        await refund(bed, payment_id)
    await type_all(bed, found)
    await bed.collects(lambda found: found.outcome is not None, "owing")
    assert await findings(bed, "reconcile") == []
