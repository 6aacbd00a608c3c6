"""Stand-in for a company's own system that answers what was sold: folder/2026-11.csv, read afresh at every request.

    uvicorn.run(Faults(sales_app(Path("sales"), ["a secret of 32 characters or more"])))

GET /sales?period=2026-11, signed over path and query; cells have the types that Google Sheets would give them.
"""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from billing.errors import InvalidInput
from billing.events.signature import HEADER, require_genuine
from billing.period import Period
from sandbox.stand_ins.sheets_api import unformatted


def sales_app(folder: Path, secrets: Sequence[str]) -> FastAPI:
    """The stand-in as an ASGI app."""
    app = FastAPI(openapi_url=None)

    @app.get("/sales")
    def sales(request: Request, period: str) -> JSONResponse:
        target = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        try:
            require_genuine(target, request.headers.get(HEADER, ""), secrets, datetime.now(UTC))
        except InvalidInput as error:
            return JSONResponse({"error": str(error)}, 401)
        path = folder / f"{Period(period)}.csv"
        if not path.exists():
            return JSONResponse({"error": f"nothing of {period} yet"}, 404)
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[unformatted(cell) for cell in row] for row in csv.reader(file)]
        return JSONResponse({"period": period, "rows": rows})

    return app
