"""Reviewers in front of the desk: each a browser of their own, signed in."""

import html
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.period import Period
from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.people import signed_in_at


class Reviewer:
    """Somebody who looks at pages and sends their forms, as a browser without script does."""

    def __init__(self, browser: httpx.AsyncClient, csrf: str) -> None:
        self.browser = browser
        self.csrf = csrf

    async def page(self, path: str = f"/desk/{OCTOBER}/invoices/acme", status: int = 200) -> str:
        answer = await self.browser.get(path)
        assert answer.status_code == status, answer.text
        return readable(answer.text)

    async def send(
        self, action: str, reason: str = "as agreed", path: str = f"/desk/{OCTOBER}/invoices/acme", **typed: Any
    ) -> httpx.Response:
        """Opens the page, fills in the form of an action and sends it."""
        return await self.post(f"{path}/{action}", await self.form(action, path) | {"reason": reason} | typed)

    async def form(self, action: str, path: str = f"/desk/{OCTOBER}/invoices/acme") -> dict[str, Any]:
        """What is in the form of an action when the page has just been loaded."""
        page = (await self.browser.get(f"{path}/edit" if action == "edit" else path)).text
        return self.form_in(page, action, path)

    def form_in(self, page: str, action: str, path: str = f"/desk/{OCTOBER}/invoices/acme") -> dict[str, Any]:
        """What is in the form of an action on a page that was answered."""
        return fields(page, f"{path}/{action}")

    async def post(self, path: str, form: dict[str, Any]) -> httpx.Response:
        return await self.browser.post(path, data={"csrf": self.csrf} | form)

    async def result(self, answer: httpx.Response) -> str:
        """The page that a command which was accepted leads to."""
        assert answer.status_code == 303, readable(answer.text)
        return await self.page(answer.headers["location"])


def fields(page: str, action: str) -> dict[str, Any]:
    """What a browser would send of the form to ``action``; a form that is not there is filled in by a stranger."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    if form is None:
        return {"command_id": uuid.uuid4().hex}
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form[0]):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("type") == "checkbox" and " checked" not in tag:
            continue
        name, value = html.unescape(attributes["name"]), html.unescape(attributes.get("value", ""))
        found[name] = [*found[name], value] if isinstance(found.get(name), list) else value
        if name.startswith("new-"):
            found[name] = [value] if not isinstance(found[name], list) else found[name]
    return found


def readable(page: str) -> str:
    """A page's text as people read it; a value that there is not must not show as ``None``."""
    text = re.sub(r"<(script|style)[^>]*>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    words = " ".join(html.unescape(text).split())
    assert "None" not in words, words
    return words


@asynccontextmanager
async def reviewer(desk: Desk, username: str = "ann", role: Role = Role.APPROVER) -> AsyncIterator[Reviewer]:
    """A new user, signed in."""
    async with signed_in_at(str(desk.browser.base_url), desk.bed.ledger, username, role) as browser:
        yield Reviewer(browser, browser.headers.pop("X-CSRF-Token"))


async def edited_by_bob(desk: Desk, amount_minor: int = 8000, line_id: str = "row-2") -> Month:
    """Somebody else edits the draft meanwhile, from the command line."""
    seen = await desk.bed.month("acme")
    assert seen.invoice is not None
    change = ChangeLine(line_id=line_id, amount_minor=amount_minor)
    edit = Edit(by="bob", reason="typo", period=Period(OCTOBER), version=seen.invoice.version, changes=(change,))
    assert (await desk.bed.command("acme", edit)).accepted
    return await desk.bed.month("acme")


def amounts(month: Month) -> dict[str, int]:
    assert month.invoice is not None
    return {line.line_id: line.amount_minor for line in month.invoice.lines}
