"""What the application relies on when it reads a month's sales: one suite for all three sources."""

import json
from dataclasses import dataclass
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

from adapters.sheets.csv_sales import CsvSales
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.sheets.http_sales import HttpSales
from billing.errors import SalesUnavailable
from billing.period import Period
from billing.sales.sales import RowFault, SalesRow
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.sales_api import sales_app
from sandbox.stand_ins.sheets_api import sheets_app

NOVEMBER = Period("2026-11")
SECRETS = ["a secret of thirty-two characters"]
BOOK = "1AbC-sales_2026"


@dataclass
class Sales:
    """A source and the file behind it: all adapters are fed with CSV, as people would type it into the sheet."""

    source: GoogleSheetsSales | CsvSales | HttpSales
    worksheet: Path

    async def rows(self, typed: str) -> list[SalesRow]:
        self.worksheet.write_text(typed, encoding="utf-8")
        return list((await self.source.read(NOVEMBER)).rows)


@dataclass
class Google:
    """The stand-in of Google Sheets, and what a test does to it."""

    url: str
    worksheet: Path

    @property
    def source(self) -> GoogleSheetsSales:
        return GoogleSheetsSales.connect(BOOK, base_url=self.url)

    async def fails(self, kind: str, **rule: Any) -> None:
        async with local_http(base_url=self.url) as http:
            (await http.post("/_control/faults", json={"kind": kind, **rule})).raise_for_status()


async def google(serve: Any, folder: Path) -> Google:
    (folder / BOOK).mkdir()
    return Google(await serve(Faults(sheets_app(folder))), folder / BOOK / "2026-11.csv")


@pytest.fixture
async def google_sheets(serve, tmp_path: Path) -> Google:
    return await google(serve, tmp_path)


@pytest.fixture(params=["google", "csv", "http"])
async def sales(request: pytest.FixtureRequest, serve, tmp_path: Path) -> Sales:
    if request.param == "http":
        url = await serve(Faults(sales_app(tmp_path, SECRETS)))
        return Sales(HttpSales(f"{url}/sales", SECRETS), tmp_path / "2026-11.csv")
    if request.param == "csv":
        return Sales(CsvSales(tmp_path), tmp_path / "2026-11.csv")
    stand_in = await google(serve, tmp_path)
    return Sales(stand_in.source, stand_in.worksheet)


# -- all


async def test_rows_come_with_the_number_that_a_person_sees(sales: Sales) -> None:
    first, second = await sales.rows(
        "email,amount,description\nann@example.com,twelve,Séances ☕\n\n Bob@Example.com ,#REF!,\n"
    )
    assert first == SalesRow(number=2, email="ann@example.com", amount="twelve", description="Séances ☕")
    assert (second.number, second.email, second.amount) == (4, "Bob@Example.com", "#REF!")


async def test_columns_are_found_by_their_header_in_any_order(sales: Sales) -> None:
    (row,) = await sales.rows("Description,seller,Amount,Email\nTen hours,eve,x1,ann@example.com\n")
    assert row == SalesRow(number=2, email="ann@example.com", amount="x1", description="Ten hours")


async def test_all_columns_are_read_and_those_that_are_not_needed_are_named(sales: Sales) -> None:
    (row,) = await sales.rows("A,B,C,D,E,F,VAT,E-mail,Währung,Betrag\n1,2,3,4,5,6,20%,ann@example.com,EUR,x1\n")
    assert (row.email, row.amount, row.currency, row.fault) == ("ann@example.com", "x1", "EUR", None)
    snapshot = await sales.source.read(NOVEMBER)
    assert snapshot.ignored_columns == ("A", "B", "C", "D", "E", "F", "VAT")
    assert snapshot.columns == {"email": "E-mail", "amount": "Betrag", "currency": "Währung"}


async def test_a_cell_too_many_makes_a_row_unreadable(sales: Sales) -> None:
    first, second = await sales.rows(
        "email,amount,description\nann@example.com,1,234.50,Support\nann@example.com,1,Support,,\n"
    )
    assert (first.fault, second.fault) == (RowFault.MORE_CELLS, None)


async def test_without_a_header_the_columns_are_email_amount_description(sales: Sales) -> None:
    (row,) = await sales.rows("ann@example.com,x1,Ten hours\n")
    assert row == SalesRow(number=1, email="ann@example.com", amount="x1", description="Ten hours")


@pytest.mark.parametrize("amount", ["12,50", "1,234.56", "1 200", "#REF!", "-", "12.50.1", "€5", "NaN"])
async def test_odd_amounts_stay_the_text_that_was_typed(sales: Sales, amount: str) -> None:
    (row,) = await sales.rows(f'email,amount\nann@example.com,"{amount}"\n')
    assert row.amount == amount


async def test_header_alone_is_a_month_without_sales(sales: Sales) -> None:
    assert await sales.rows("email,amount,description\n") == []


@pytest.mark.parametrize("typed", ["", "\n\n", ",,\n"])
async def test_empty_worksheet_is_never_an_empty_month(sales: Sales, typed: str) -> None:
    with pytest.raises(SalesUnavailable, match=r"2026-11.*is empty"):
        await sales.rows(typed)


async def test_missing_worksheet_is_named_with_what_to_do(sales: Sales) -> None:
    with pytest.raises(SalesUnavailable, match=r"2026-11.*add it"):
        await sales.source.read(NOVEMBER)


async def test_same_cells_have_the_same_digest_and_an_edit_another(sales: Sales) -> None:
    sales.worksheet.write_text("email,amount\nann@example.com,12.5\n")
    digests = [(await sales.source.read(NOVEMBER)).digest for _ in range(2)]
    sales.worksheet.write_text("email,amount\nann@example.com,12.6\n")
    digests.append((await sales.source.read(NOVEMBER)).digest)
    assert digests[0] == digests[1] != digests[2]


async def test_a_number_has_another_digest_than_a_word_that_python_takes_for_it(google_sheets: Google) -> None:
    digests = set()
    for typed in ("1", "TRUE", "'1"):
        google_sheets.worksheet.write_text(f"email,amount\nann@example.com,{typed}\n")
        digests.add((await google_sheets.source.read(NOVEMBER)).digest)
    assert len(digests) == 3


@pytest.mark.parametrize("sales", ["google", "csv"], indirect=True)
async def test_ping_lists_the_months(sales: Sales) -> None:
    sales.worksheet.write_text("email,amount\n")
    assert await sales.source.ping() == ["2026-11"]


# -- CSV


async def test_csv_row_that_lacks_a_cell_is_unreadable_and_a_sheet_has_all_its_cells(
    google_sheets: Google, tmp_path: Path
) -> None:
    typed = "email,discount,amount,description\nann@example.com,20,500\nann@example.com,20,500,\n"
    for path in (google_sheets.worksheet, tmp_path / "2026-11.csv"):
        path.write_text(typed)
    snapshots = [await each.read(NOVEMBER) for each in (CsvSales(tmp_path), google_sheets.source)]
    assert [[row.fault for row in each.rows] for each in snapshots] == [[RowFault.FEWER_CELLS, None], [None, None]]


async def test_csv_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2026-11.csv").write_text("email,amount\nann@example.com,1\n")
    monkeypatch.setattr("adapters.sheets.csv_sales.BYTES_MAX", 10)
    with pytest.raises(SalesUnavailable, match="has more than"):
        await CsvSales(tmp_path).read(NOVEMBER)


async def test_csv_cells_are_text(tmp_path: Path) -> None:
    (tmp_path / "2026-11.csv").write_text("email,amount\nann@example.com,12.50\n")
    (row,) = (await CsvSales(tmp_path).read(NOVEMBER)).rows
    assert row.amount == "12.50"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("email,amount\nrené@example.com,1\n".encode("latin-1"), "not UTF-8"),
        ("email,amount\nann@example.com,1\n".encode("utf-16"), "not UTF-8"),
        (b'email,amount\nann@example.com,"1\nbob@example.com,2\n', "not CSV"),
        (b"email;amount\nann@example.com;12,50\n", "not separated into columns"),
        (b"email\tamount\nann@example.com\t12,50\n", "not separated into columns"),
        (b"email|amount\nann@example.com|12\n", "not separated into columns"),
        (b'"email,amount"\n"ann@example.com,12"\n', "not separated into columns"),
        (b'email,amount\n"ann@example.com,12"\n', "not separated into columns"),
        (b"email,amount\nann@example.com|12\n", "not separated into columns"),
    ],
)
async def test_csv_that_cannot_be_read_is_never_an_empty_month(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "2026-11.csv").write_bytes(content)
    with pytest.raises(SalesUnavailable, match=f"2026-11.*is {told}.*save it as CSV UTF-8"):
        await CsvSales(tmp_path).read(NOVEMBER)


async def test_csv_with_a_byte_order_mark_has_its_header(tmp_path: Path) -> None:
    (tmp_path / "2026-11.csv").write_text("email,amount\nann@example.com,1\n", encoding="utf-8-sig")
    assert [row.number for row in (await CsvSales(tmp_path).read(NOVEMBER)).rows] == [2]


async def test_csv_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SalesUnavailable, match="nowhere"):
        await CsvSales(tmp_path / "nowhere").ping()
    (tmp_path / "2026-11.csv").mkdir()
    with pytest.raises(SalesUnavailable, match="cannot be read"):
        await CsvSales(tmp_path).read(NOVEMBER)


# -- Google Sheets


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
