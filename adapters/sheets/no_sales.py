"""No sheet: a company whose bills come from tariffs alone."""

from billing.period import Period
from billing.sales.sales import SalesSnapshot


class NoSales:
    """``SalesSource`` without a row, for any month."""

    @property
    def name(self) -> str:
        return "none"

    async def read(self, period: Period) -> SalesSnapshot:
        return SalesSnapshot(sheet=period, digest="none", rows=())

    async def ping(self) -> list[str]:
        return []
