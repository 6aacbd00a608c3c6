"""Sales of the company's own system: whatever it answers, an unreadable month never passes for one without sales."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.sheets.http_sales import HttpSales
from adapters.sheets.no_sales import NoSales
from billing.errors import SalesUnavailable, WorksheetMissing
from billing.period import Period
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.sales_api import sales_app

NOVEMBER = Period("2026-11")
SECRETS = ["a secret of thirty-two characters"]
Serve = Callable[[Any], Awaitable[str]]


async def answering(serve: Serve, answer: Callable[[Request], Response]) -> HttpSales:
    async def sales(request: Request) -> Response:
        return answer(request)

    return HttpSales(f"{await serve(Starlette(routes=[Route('/sales', sales)]))}/sales", SECRETS)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Response("{", 200), "the answer is none; write it as"),
        (Response("[]", 200), "the answer is none; write it as"),
        (Response('{"period": "2026-11"}', 200), "the answer is none; write it as"),
        (Response('{"period": "2026-11", "rows": [{"email": "a@b.example"}]}', 200), "the answer is none"),
        (Response('{"period": "2026-11", "rows": [[["deep"]]]}', 200), "the answer is none"),
        (Response('{"period": "2026-10", "rows": [["email", "amount"]]}', 200), "the answer is about '2026-10'"),
        (Response('{"period": "2026-11", "rows": []}', 200), "is empty"),
        (Response("", 204), "HTTP 204"),
        (Response("", 403), "our signature is refused \\(403\\); compare BILLING_SALES_SECRET"),
        (Response("", 500), "HTTP 500; it will be read again"),
        (RedirectResponse("https://elsewhere.example/sales"), "it redirects \\(307\\); set BILLING_SALES_URL"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_never_an_empty_month(serve: Serve, answer: Response, told: str) -> None:
    source = await answering(serve, lambda _: answer)
    with pytest.raises(SalesUnavailable, match=told) as refused:
        await source.read(NOVEMBER)
    assert not isinstance(refused.value, WorksheetMissing)


async def test_an_answer_that_is_too_long_is_not_read_to_its_end(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.sheets.http_sales.BYTES_MAX", 1000)
    source = await answering(serve, lambda _: Response(b"x" * 100_000))
    with pytest.raises(SalesUnavailable, match="send less"):
        await source.read(NOVEMBER)


async def test_an_answer_that_does_not_come_is_not_waited_for(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.sheets.http_sales.TIMEOUT_SECONDS", 0.2)
    url = await serve(Faults(sales_app(tmp_path, SECRETS)))
    async with local_http(base_url=url) as http:
        (await http.post("/_control/faults", json={"kind": "slow", "path": "/sales"})).raise_for_status()
    with pytest.raises(SalesUnavailable, match=r"no whole answer within 0\.2 seconds"):
        await HttpSales(f"{url}/sales", SECRETS).read(NOVEMBER)


async def test_nobody_there_is_said_without_the_query_which_may_hold_a_password() -> None:
    source = HttpSales("http://127.0.0.1:9/sales?key=hunter2", SECRETS)
    assert source.name == "http://127.0.0.1:9/sales"
    with pytest.raises(SalesUnavailable, match="cannot be reached") as refused:
        await source.read(NOVEMBER)
    assert "hunter2" not in str(refused.value)


async def test_a_question_is_signed_over_path_and_query(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "2026-11.csv").write_text("email,amount\nann@example.com,12.50\n")
    url = f"{await serve(sales_app(tmp_path, SECRETS))}/sales"
    both = HttpSales(f"{url}?company=a%20b", ["another secret of thirty-two chars", *SECRETS])
    assert [row.amount for row in (await both.read(NOVEMBER)).rows] == [12.5]
    with pytest.raises(SalesUnavailable, match="our signature is refused"):
        await HttpSales(url, ["another secret of thirty-two chars"]).read(NOVEMBER)


async def test_ping_names_the_months_that_can_be_read(serve: Serve, tmp_path: Path) -> None:
    source = HttpSales(f"{await serve(sales_app(tmp_path, SECRETS))}/sales", SECRETS)
    assert await source.ping() == []
    month = Period.at(datetime.now(UTC), "UTC").previous()
    (tmp_path / f"{month}.csv").write_text("email,amount\n")
    assert str(month) in await source.ping()


async def test_without_a_sheet_no_month_has_a_row() -> None:
    snapshot = await NoSales().read(NOVEMBER)
    assert (snapshot.sheet, snapshot.rows, await NoSales().ping()) == ("2026-11", (), [])
