"""Money that nobody knows, and planned works that nobody has approved, of which people are told what to type."""

from datetime import timedelta

from billing.announcements.announcement import Announcement, Works
from billing.announcements.audience import Audience
from billing.receivables.incoming import PaymentRow
from billing.receivables.instructions import Instruction, InstructionKind, InstructionState
from tests.unit.covering import NOW

QUOTE = 'it\'s; $(rm -rf /) "now" --by=me'

UNKNOWN = PaymentRow(
    rail="transfer",
    reference=QUOTE,
    digest="d",
    customer_id=None,
    amount_minor=500,
    currency="eur",
    paid_at=NOW,
    booked_at=NOW,
    unmatched_minor=500,
)
PROPOSED = Instruction(
    instruction_id="3f2a",
    kind=InstructionKind.ASSIGN,
    payment=UNKNOWN.name,
    reference=QUOTE,
    customer_id="acme",
    subject=None,
    amount_minor=500,
    currency="eur",
    refund_reference="",
    by="ann",
    reason="asked",
    via="cli",
    at=NOW,
    state=InstructionState.PROPOSED,
)
UNAPPROVED = Announcement(
    number=8,
    key="http W-17 1",
    works=Works(starts_at=NOW, ends_at=NOW + timedelta(hours=2), timezone="Asia/Almaty", reason=QUOTE),
    audience=Audience(everybody=True),
    text="x",
    created_by="http",
    created_at=NOW,
    reference="W-17",
    version=1,
)
