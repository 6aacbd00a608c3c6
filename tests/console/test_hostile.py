"""Whatever an address says, every page answers with a page: no 5xx, no traceback, and nowhere but to ourselves."""

import asyncio
import logging
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import httpx
import pytest

from billing.reviewers.users import Role
from console.app import create_app
from tests.console.conftest import Desk
from tests.console.people import signed_in_at
from tests.console.test_doors import leaves
from tests.ordering import AT, request

HOSTILE = (
    *("", "%00", "x%0a", "%0d%0aX-Evil:%201", "%7f", ".", "..", "%2e%2e%2f", "%2f", "%5c", "%3f", "%23"),
    *("%ed%a0%80", "%ff", "%c0%af", "%e2%80%ae", "%d9%a3", "%c2%b2"),
    *("0", "-1", "9" * 5000, str(2**63), "1e9", "NaN"),
    *("2000-01", "2099-12", "1999-12", "2026-13", "2026-11%0a"),
    *("true", "'%20OR%201=1--", "%3Cscript%3E", "{{7*7}}", "x" * 4000, "https:%2f%2fevil.example", "/%5Cevil.example"),
)
CURSORS = tuple(
    "~".join((at, kind, customer, period, number))
    for at in ("0001-01-01T00:00:00%2b14:00", "9999-12-31T23:59:59-14:00", "2026-11-01T00:00:00Z", "1e400")
    for kind, customer, period in (("decision", "acme", "2026-11"), ("sign-in", "%00", "%ed%a0%80"))
    for number in ("1", str(2**63), f"-{2**200}", "9" * 4999)
)
PARAMETERS = {
    "/desk/{period}/invoices": ("page", "search", "stage", "flag", "currency", "needs", "sort", "order"),
    "/desk/{period}/invoices/{customer_id}": ("command", "compare"),
    "/desk/{period}/next": ("after",),
    "/desk/orders": ("page", "search", "stage", "customer", "open", "days"),
    "/desk/orders/{number}": ("done",),
    "/desk/tasks": (
        "view",
        "department",
        "kind",
        "customer",
        "order",
        "unclaimed",
        "ended",
        "after",
        "done",
        "assigned",
    ),
    "/desk/board": ("procedure", "step"),
    "/desk/money": ("page", "search", "rail", "customer", "unmatched"),
    "/desk/money/payment": ("rail", "digest", "done"),
    "/desk/money/record": ("rail", "reference", "amount", "currency", "customer", "month", "paid_on", "reason"),
    "/desk/audit": ("after", "by", "customer", "text", "period"),
    "/desk/audit.csv": ("by", "text", "period"),
    "/desk": ("period", "path"),
    "/login": ("next", "bye"),
    "/pay/{token}": ("look",),
    "/pay/{token}/card": ("session_id",),
    "/card/{token}": ("saved",),
    "/card/{token}/saved": ("session_id",),
    "/registration/{token}/card": ("session_id",),
}
"""What pages read of a query."""


MACHINES = ("/orders/", "/announcements/", "/billers/")
"""Who asks here is answered as a program is; contract tests have their hostile requests."""


def paths(app: Any) -> list[str]:
    """Of the pages, one for each function; but for streams of events, which do not end."""
    routes = [route for route in leaves(app.routes) if "GET" in (getattr(route, "methods", None) or {"GET"})]
    found = {(getattr(route, "endpoint", route.path), route.path.count("{")): route.path for route in routes}
    return sorted(path for path in found.values() if not path.endswith("/events") and not path.startswith(MACHINES))


def filled(path: str, good: dict[str, str], **hostile: str) -> str:
    """The path with good values in its places, but for the ``hostile`` ones."""
    values = {"token": good.get(path.split("/")[1], "x"), "period": good["period"], "customer_id": "acme", "path": "x"}
    values |= {"number": "1042", "rail": "bank-app", "day": "2026-11-27", "name": "connect", "digest": "0" * 64}
    return re.sub(r"{(\w+)[^}]*}", lambda name: (values | hostile)[name[1]], path)


async def get(browser: httpx.AsyncClient, target: str) -> httpx.Response:
    """Asks for exactly these bytes, which httpx would tidy up."""
    request = browser.build_request("GET", "/", headers={"Host": "evil.example"})
    request.url = browser.base_url.copy_with(raw_path=target.encode())
    return await browser.send(request)


def check(answer: httpx.Response, target: str, base_url: str) -> None:
    """No defect, no JSON, no way to somebody else."""
    what = f"{target[:100]}: {answer.status_code} {answer.headers} {answer.text[:300]}"
    is_red = answer.status_code == 503 and target == "/healthz/billing"
    assert answer.status_code < 500 or is_red, what
    assert "x-evil" not in answer.headers
    if answer.status_code >= 400 and not is_red:
        assert answer.headers["content-type"].startswith("text/html"), what
    location = answer.headers.get("location", "/")
    assert location.startswith(f"{base_url}/") or re.match(r"/(?![/\\])", location), what


@pytest.mark.turns(4)
@pytest.mark.parametrize("share", range(4))
async def test_no_address_breaks_a_page_or_leads_to_somebody_else(
    desk: Desk, caplog: pytest.LogCaptureFixture, share: int
) -> None:
    month = await desk.overdue()
    await desk.bed.ledger.open_order(request(), AT)
    later, links = datetime.now(UTC) + timedelta(days=1), desk.links
    good = {
        "period": month.period,
        "pay": desk.page().rpartition("/")[2],
        "card": links.to_card("acme", later).rpartition("/")[2],
        "register": links.to_invitation("eur", "UTC", later).rpartition("/")[2],
        "registration": links.to_registration("R-nobody", later).rpartition("/")[2],
    }
    found = paths(create_app(desk.bed.settings, desk.bed.adapters, desk.bed.client))
    assert {"/desk/{period}/invoices", "/pay/{token}", "/metrics", "/desk/audit.csv"} <= set(found)
    targets = [filled(path, good) for path in found]
    targets += [f"{target}{tail}" for target in targets for tail in ("/", "%0a", "%00", "//", "%2f")]
    targets += [f"//evil.example{filled(path, good)}" for path in found]
    for path, value in product(found, HOSTILE):
        targets += [filled(path, good, **{place: value}) for place in re.findall(r"{(\w+)", path)]
        targets += [f"{filled(path, good)}?{name}={value}" for name in PARAMETERS.get(path, ())]
    targets += [f"/desk/audit?after={cursor}" for cursor in CURSORS]
    targets = targets[share::4]
    async with signed_in_at(links.base_url, desk.bed.ledger, "carol", Role.ADMINISTRATOR) as browser:
        for some in (targets[start : start + 8] for start in range(0, len(targets), 8)):
            answers = await asyncio.gather(*(get(browser, target) for target in some))
            for target, answer in zip(some, answers, strict=True):
                check(answer, target, links.base_url)
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
