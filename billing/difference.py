"""What one version of an invoice changed against another."""

from billing.invoice import Invoice, LineItem
from billing.model import Model


class LineChange(Model):
    line_id: str
    before: LineItem | None
    after: LineItem | None


def difference(before: Invoice, after: Invoice) -> tuple[LineChange, ...]:
    old = {line.line_id: line for line in before.lines}
    new = {line.line_id: line for line in after.lines}
    return tuple(
        LineChange(line_id=line_id, before=old.get(line_id), after=new.get(line_id))
        for line_id in {**old, **new}
        if old.get(line_id) != new.get(line_id)
    )
