"""Cards of a file's customers, found at Stripe by email, and what an import would make of them."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from billing.customers.card_vault import CardDetails, CardVault
from billing.customers.customer import Customer
from billing.customers.roster import Newcomer
from cli.customers.outcomes import REFUSED, CustomerOutcome, one_by_one
from cli.terminal.output import SHOWN, counted, print_json, print_table, say, whole

_FOUND, _NONE = "card found", "no card"
Rows = dict[int, Customer | Newcomer]


async def look_up_cards(vault: CardVault, rows: Rows) -> tuple[Rows, list[CustomerOutcome]]:
    """The rows, those without a card as customers of the card found, if it is one; and those of which nobody knows."""
    found: dict[int, Sequence[CardDetails]] = {}

    async def look(line: int, newcomer: Newcomer) -> CustomerOutcome:
        cards = found[line] = await vault.cards_of(newcomer.email)
        if len(cards) < 2:
            return CustomerOutcome(customer_id=newcomer.customer_id, status=_FOUND if cards else _NONE, line=line)
        named = ", ".join(f"{card.payer_id} ({card.card_id})" for card in cards)
        reason = f"Stripe has several customers with its email and a card: {named}; write the right one into the row"
        return CustomerOutcome(customer_id=newcomer.customer_id, status=REFUSED, line=line, reason=reason)

    without = [(line, row) for line, row in rows.items() if isinstance(row, Newcomer) and not row.token]
    outcomes = await one_by_one("looking at Stripe", without, look)
    refused = [outcome for outcome in outcomes if outcome.status == REFUSED]
    lines = {outcome.line for outcome in refused}
    return {line: _with(row, found.get(line, ())) for line, row in rows.items() if line not in lines}, refused


def _with(row: Customer | Newcomer, cards: Sequence[CardDetails]) -> Customer | Newcomer:
    if isinstance(row, Customer) or not cards:
        return row
    values = row.model_dump(exclude={"token"})
    return Customer.model_validate({**values, "payment_method": cards[0].on_file})


def preview(
    rows: Mapping[int, Customer | Newcomer], refused: Sequence[CustomerOutcome], file: Path, as_json: bool
) -> None:
    """What ``--yes`` would do, row by row; exit code 1 if a row is refused."""
    shown = [(line, _told(row)) for line, row in rows.items()]
    shown += [(each.line or 0, (each.customer_id, REFUSED, each.reason)) for each in refused]
    shown.sort()
    cells = [(f"line {line}", *told) for line, told in shown]
    if as_json:
        print_json({"would": [dict(zip(("line", "customer_id", "what", "how"), row, strict=True)) for row in cells]})
    else:
        print_table((whole("Line"), "Customer", whole("What"), "How"), cells, tuple, shown=SHOWN)
        say(f"{counted(len(rows), 'customer')} to import, {len(refused)} refused; nothing was changed", style="bold")
        say(f"To import them: python starter.py customers import {shlex.quote(str(file))} --from-stripe --yes")
    if refused:
        raise typer.Exit(1)


def _told(row: Customer | Newcomer) -> tuple[str, str, str]:
    if isinstance(row, Newcomer):
        how = "by the token" if row.token else f"Stripe has no card for {row.email}"
        return row.customer_id, "register" if row.token else "invite by mail", how
    if row.card is None:
        return row.customer_id, "bill", "without a card"
    last4 = f", ending in {row.card.last4}" if row.card.last4 else ""
    return row.customer_id, "charge", f"{row.card.payer_id}: {row.card.card_id}{last4}"
