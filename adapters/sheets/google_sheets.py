"""Sales from a Google spreadsheet with one worksheet per month, named like ``2026-11``.

    source = GoogleSheetsSales.connect("1aBcD...", credentials_file=Path("service-account.json"))
    snapshot = await source.read(Period("2026-11"))         # one HTTP request

Nothing is retried here: every failure is ``SalesUnavailable``, with advice.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import google.auth
import requests
from google.auth.exceptions import GoogleAuthError, TransportError
from google.oauth2 import service_account
from gspread import HTTPClient
from gspread.exceptions import APIError
from pydantic import TypeAdapter

from billing.errors import BillingError, SalesUnavailable, WorksheetMissing
from billing.period import Period
from billing.sales.sales import SalesSnapshot, type_of_cell
from billing.sales.worksheet import read_worksheet

SCOPES = ["https://www.googleapis.com/auth/spreadsheets.readonly"]
TIMEOUTS_SECONDS = (5.0, 60.0)  # to connect, to answer

_ENDPOINT = "https://sheets.googleapis.com"
_AS_TYPED = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"}
_CELLS = TypeAdapter(list[list[type_of_cell]])


class GoogleSheetsSales:
    """``SalesSource`` over gspread. Each read opens its own client: gspread's is not thread-safe."""

    def __init__(self, sheet_id: str, open_client: Callable[[], HTTPClient]) -> None:
        self._sheet_id = sheet_id
        self._open_client = open_client

    @property
    def name(self) -> str:
        return self._sheet_id

    @classmethod
    def connect(
        cls, sheet_id: str, credentials_file: Path | str | None = None, base_url: str | None = None
    ) -> "GoogleSheetsSales":
        """With a service account's file, else application default credentials; a stand-in at ``base_url`` needs none.

        Each read opens the file: a missing or replaced one matters to the next read only.
        """
        if base_url:
            return cls(sheet_id, partial(_StandInClient, base_url.rstrip("/")))
        return cls(sheet_id, partial(_google_client, credentials_file))

    async def read(self, period: Period) -> SalesSnapshot:
        return await asyncio.to_thread(self._read, period)

    async def ping(self) -> list[str]:
        """The titles of the worksheets. Raises ``SalesUnavailable`` if the spreadsheet cannot be read."""
        return await asyncio.to_thread(self._titles)

    def _read(self, period: Period) -> SalesSnapshot:
        about = f"worksheet {str(period)!r} of spreadsheet {self._sheet_id}"
        with self._client(about) as client:
            answer = client.values_get(self._sheet_id, f"'{period}'", dict(_AS_TYPED))
            if "range" not in answer:  # every answer about cells has it; one without values is an empty worksheet
                raise ValueError("no cells in the answer")
            return read_worksheet(period, _whole(_CELLS.validate_python(answer.get("values", []))))

    def _titles(self) -> list[str]:
        with self._client(f"spreadsheet {self._sheet_id}") as client:
            answer = client.fetch_sheet_metadata(self._sheet_id, {"fields": "sheets.properties.title"})
            return [str(sheet["properties"]["title"]) for sheet in answer["sheets"]]

    @contextmanager
    def _client(self, about: str) -> Iterator[HTTPClient]:
        """A client for one read; any error becomes ``SalesUnavailable``."""
        address = ""
        try:
            client = self._open_client()
            address = getattr(getattr(client, "auth", None), "service_account_email", "")
            client.set_timeout(TIMEOUTS_SECONDS)
            with client.session:
                yield client
        except BillingError:
            raise
        except Exception as error:
            kind = WorksheetMissing if _is_missing(error) else SalesUnavailable
            raise kind(f"{about}: {_explained(error, address)}") from error


def _whole(rows: list[list[type_of_cell]]) -> list[list[type_of_cell]]:
    """The rows with their empty last cells, which Google omits."""
    width = len(rows[0]) if rows else 0
    return [row + [None] * (width - len(row)) for row in rows]


def _google_client(credentials_file: Path | str | None) -> HTTPClient:
    try:
        if credentials_file:
            load = service_account.Credentials.from_service_account_file
            credentials = load(credentials_file, scopes=SCOPES)  # type: ignore[no-untyped-call]
        else:
            credentials, _ = google.auth.default(scopes=SCOPES)
    except (GoogleAuthError, OSError, ValueError) as error:  # missing, or not a file of Google
        name = credentials_file or "the application default credentials"
        raise SalesUnavailable(f"{name} cannot be used ({_short(error)}); set a service account's key file") from error
    return HTTPClient(credentials)


class _StandInClient(HTTPClient):
    """Sends requests for Google to a local stand-in, without credentials."""

    def __init__(self, base_url: str) -> None:
        session = requests.Session()
        session.trust_env = False  # no proxy for a local address
        super().__init__(auth=None, session=session)  # type: ignore[arg-type]
        self._base_url = base_url

    def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> requests.Response:
        return super().request(method, endpoint.replace(_ENDPOINT, self._base_url, 1), *args, **kwargs)


def _is_missing(error: Exception) -> bool:
    return (
        isinstance(error, APIError) and error.response.status_code == 400 and "Unable to parse range" in _short(error)
    )


def _explained(error: Exception, address: str) -> str:
    """The fault and the advice, for the person who keeps the sheet."""
    detail = _short(error)
    if _is_missing(error):
        return "there is no such worksheet; add it by exactly that name, with only a header row if nothing was sold"
    if isinstance(error, APIError):
        status = error.response.status_code
        detail = f"HTTP {status}: {detail}"
        if status == 403:
            return f"Google forbids reading it; share it with {address or 'the service account'} as a viewer ({detail})"
        if status == 404:
            return f"there is no such spreadsheet; take its id from its web address, between /d/ and /edit ({detail})"
        if status == 429:
            return f"the quota of reads is used up; it will be read again ({detail})"
        return f"Google Sheets failed; it will be read again ({detail})"
    if isinstance(error, requests.RequestException | TransportError) and not isinstance(error, ValueError):
        return f"Google Sheets cannot be reached; it will be read again ({detail})"
    if isinstance(error, GoogleAuthError):
        return f"Google refuses the credentials; replace the key file, or sign in again ({detail})"
    return f"the answer of Google Sheets cannot be read; it will be read again ({detail})"


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
