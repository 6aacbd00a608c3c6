"""Bills and ladders by text, on a real server: one text for each, within contact hours, and none too many."""

from datetime import timedelta
from typing import Any

from billing.customers.channels import Channel
from billing.customers.customer import Terms
from billing.customers.ladder import parse_ladder
from billing.invoices.stages import Stage
from billing.period import Period
from billing.texts.text import TextKind, TextStatus
from sandbox.stand_ins.control import control
from tests.bed import OCTOBER, Bed
from tests.debts import only, transferred

PHONE = "+77012345678"
BY_TEXT = Terms(bill_by=(Channel.SMS,), ladder=parse_ladder("1 remind sms, 7 warn sms+mail, 14 suspend"))
SUBSCRIBER: dict[str, Any] = {"phone": PHONE, "payment_method": {"kind": "bill"}, "terms": BY_TEXT}


async def bodies(bed: Bed) -> list[str]:
    taken = await control(bed.settings.sandbox_sms_port, "texts", method="GET")
    return [text["body"] for text in taken if text["to"] == PHONE[1:]]


async def test_a_bill_by_text_closes_its_month_and_the_ladder_goes_on_by_text(bed: Bed) -> None:
    await bed.monitored(**SUBSCRIBER)
    month = await bed.closed()
    assert month.outcome is Stage.BILLED
    assert month.notice is not None
    (bill,) = await bodies(bed)
    assert bill.startswith("Your bill: 100 EUR, due ")
    assert f" Account acme. {bed.settings.links.base_url}/p/" in bill
    assert not bed.mails("acme@example.com")
    await bed.collects(lambda found: True)
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.skip_collection(timedelta(days=6))
    collection = await bed.collects(lambda found: found.reminders == 2)
    _, reminder, warning = await bodies(bed)
    assert reminder.startswith(f"Please pay 100 EUR. Account acme. {bed.settings.links.base_url}/p/")
    assert warning.startswith("100 EUR is overdue. On ")
    assert "your service will be suspended" in warning
    (mail,) = bed.mails("acme@example.com")
    assert mail.subject.startswith("Please pay €100.00 before")
    rows = await bed.ledger.texts("acme", period=Period(OCTOBER))
    assert [row.kind for row in rows] == [TextKind.WARNING, TextKind.REMINDER, TextKind.BILL]
    assert {row.status for row in rows} <= {TextStatus.SENT, TextStatus.DELIVERED}
    assert await transferred(bed, only(collection).amount_minor)
    await bed.collects(lambda found: found.outcome is not None)
    assert len(await bodies(bed)) == 3, "whoever pays is left in peace"
