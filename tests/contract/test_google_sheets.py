"""A month's sales in Google Sheets: types, requests, and each kind of trouble with what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from gspread import HTTPClient
from gspread.exceptions import APIError
from starlette.responses import Response

from adapters.sheets.google_sheets import GoogleSheetsSales
from billing.errors import SalesUnavailable
from sandbox.stand_ins.control import local_http
from tests.contract.sales_fixtures import BOOK, NOVEMBER, Google, google_sheets

__all__ = ["google_sheets"]  # fixture


async def test_sheet_cells_keep_the_type_that_sheets_gives_them(google_sheets: Google) -> None:
    amounts = ("12.5", "1200", '"12,50"', "'007", "TRUE", "2026-11-03", "")
    google_sheets.worksheet.write_text("email,amount\n" + "".join(f"ann@example.com,{each}\n" for each in amounts))
    read = [row.amount for row in (await google_sheets.source.read(NOVEMBER)).rows]
    assert [repr(each) for each in read] == ["12.5", "1200", "'12,50'", "'007'", "True", "'2026-11-03'", "None"]


async def test_sheet_is_read_with_one_request(google_sheets: Google) -> None:
    google_sheets.worksheet.write_text("email,amount\n")
    await google_sheets.source.read(NOVEMBER)
    async with local_http(base_url=google_sheets.url) as http:
        assert (await http.get("/_control/requests")).json()["total"] == 1


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"kind": "html_502"}, "failed; it will be read again .HTTP 502"),
        ({"kind": "status", "status": 503}, "failed; it will be read again .HTTP 503"),
        ({"kind": "garbage_200"}, "the answer of Google Sheets cannot be read"),
        ({"kind": "drop_before"}, "cannot be reached"),
        ({"kind": "rate_limit"}, "the quota of reads is used up"),
        ({"kind": "status", "status": 403}, "share it with the service account as a viewer"),
        ({"kind": "status", "status": 401}, "HTTP 401"),
    ],
)
async def test_sheet_in_trouble_is_told_and_never_an_empty_month(
    google_sheets: Google, rule: dict[str, Any], told: str
) -> None:
    google_sheets.worksheet.write_text("email,amount\nann@example.com,1\n")
    for call in (lambda: google_sheets.source.read(NOVEMBER), google_sheets.source.ping):
        await google_sheets.fails(**rule)
        with pytest.raises(SalesUnavailable, match=told):
            await call()
    assert len((await google_sheets.source.read(NOVEMBER)).rows) == 1


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", "null", '{"range": "x", "values": [[{}]]}', '{"range": "x", "values": 7}', '{"error": "no"}'],
)
async def test_answer_of_another_shape_is_never_an_empty_month(serve, body: str, status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Response(body, status, media_type="application/json")(scope, receive, send)

    source = GoogleSheetsSales.connect(BOOK, base_url=await serve(app))
    for call in (lambda: source.read(NOVEMBER), source.ping):
        with pytest.raises(SalesUnavailable, match=BOOK):
            await call()


async def test_unknown_spreadsheet_is_told_with_where_its_id_is_found(google_sheets: Google) -> None:
    with pytest.raises(SalesUnavailable, match=r"unknown.*between /d/ and /edit"):
        await GoogleSheetsSales.connect("unknown", base_url=google_sheets.url).read(NOVEMBER)


async def test_stand_in_that_is_not_running_is_told() -> None:
    with pytest.raises(SalesUnavailable, match="cannot be reached"):
        await GoogleSheetsSales.connect(BOOK, base_url="http://127.0.0.1:9").ping()


@pytest.mark.parametrize("content", [None, "", "{}", '{"type": "service_account"}'])
async def test_key_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    key_file = tmp_path / "key.json"
    if content is not None:
        key_file.write_text(content)
    with pytest.raises(SalesUnavailable, match=r"key\.json cannot be used.*set a service account's key file"):
        await GoogleSheetsSales.connect(BOOK, key_file).ping()


async def test_missing_default_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def default(**_: Any) -> None:
        raise DefaultCredentialsError("not found")

    monkeypatch.setattr("google.auth.default", default)
    with pytest.raises(SalesUnavailable, match=r"application default credentials.*set a service account"):
        await GoogleSheetsSales.connect(BOOK).read(NOVEMBER)


async def test_revoked_service_account_is_told(serve, tmp_path: Path) -> None:
    async def revoked(scope: Any, receive: Any, send: Any) -> None:
        body = '{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}'
        await Response(body, 400, media_type="application/json")(scope, receive, send)

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key_file = tmp_path / "key.json"
    account = {
        "type": "service_account",
        "client_email": "billing@example.iam.gserviceaccount.com",
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "token_uri": await serve(revoked) + "/token",
    }
    key_file.write_text(json.dumps(account))
    with pytest.raises(SalesUnavailable, match=r"refuses the credentials.*RefreshError.*invalid_grant"):
        await GoogleSheetsSales.connect(BOOK, key_file).read(NOVEMBER)


async def test_sheet_that_is_not_shared_names_the_address_to_share_it_with() -> None:
    class Account(AnonymousCredentials):
        service_account_email = "billing@example.iam.gserviceaccount.com"

    class NotShared(HTTPClient):
        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            response = requests.Response()
            response.status_code, response._content = 403, b'{"error": {"code": 403, "message": "No permission"}}'
            raise APIError(response)

    with pytest.raises(SalesUnavailable, match=r"share it with billing@example\.iam\.gserviceaccount\.com as a viewer"):
        await GoogleSheetsSales(BOOK, lambda: NotShared(Account())).read(NOVEMBER)
