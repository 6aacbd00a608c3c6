"""The page of a period's coverage, as the daily run last saw it: read-only."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse

from billing.accounts import Accounts
from billing.coverage import Coverage
from billing.errors import InvalidInput
from billing.money import format_amount
from billing.period import Period
from console.pages import Pages
from console.signed_in import Session, signed_in
from billing.users import Role

_STAGES = {
    "paid": "Paid",
    "nothing due": "NothingDue",
    "skipped": "Skipped",
    "carried forward": "CarriedForward",
    "past due": "PastDue",
    "halted": "Halted",
    "unresolved": "Unresolved",
}
"""Where a state is a stage, its count leads to the list of these invoices."""
