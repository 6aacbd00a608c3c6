"""A service order as a few lines of Markdown, for the Temporal UI."""

from collections.abc import Iterator

from billing.markdown import escaped
from billing.money import format_amount
from orders.service.fulfilment import ServiceFulfilment


def service_summary(value: ServiceFulfilment) -> str:
    """Where the order stands and what time does next; its customer by id only."""
    return "\n\n".join(_parts(value))


def _parts(value: ServiceFulfilment) -> Iterator[str]:
    standing = value.standing
    yield f"### order {standing.number} · {standing.customer_id} · {value.stage}"
    yield f"{escaped(standing.title)}, step {standing.position}: **{escaped(standing.step_title)}**"
    if standing.halt_text:
        yield f"**A person is needed**: {escaped(standing.halt_text)}"
    if standing.owed_minor:
        yield f"{format_amount(standing.owed_minor, standing.currency)} are owed for its fee"
    if standing.outcome:
        yield f"Ended as {standing.outcome}"
    if standing.next_at is not None:
        yield f"Next: {standing.next_at:%Y-%m-%d %H:%M} UTC"
