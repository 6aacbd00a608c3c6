"""Links to Temporal's web page, where it is configured: one run, or the list of those that match a query."""

from typing import NamedTuple, Self
from urllib.parse import quote

from temporalio.client import Client

from billing.reviewers.queries import InvoiceFilter
from workflows.visibility import CUSTOMER, PERIOD, SEARCH_ATTRIBUTES, STAGE

COLUMNS = ", ".join(key.name for key in SEARCH_ATTRIBUTES)
"""To be added in each browser: the page keeps its columns there, and takes none from an address."""


class TemporalLinks(NamedTuple):
    """``base`` is the address of the namespace's workflows; "" makes no links."""

    base: str

    @classmethod
    def to(cls, ui_url: str, client: Client) -> Self:
        return cls(f"{ui_url.rstrip('/')}/namespaces/{quote(client.namespace)}/workflows" if ui_url else "")

    def run(self, workflow_id: str, run_id: str) -> str:
        return f"{self.base}/{quote(workflow_id)}/{quote(run_id)}/history" if self.base and run_id else ""

    def of_customer(self, customer_id: str, period: str) -> str:
        """The list of the month's runs, which has ended chains and past months too."""
        return self._listed(f'{CUSTOMER.name}="{customer_id}" AND {PERIOD.name}="{period}"')

    def of_list(self, filters: InvoiceFilter) -> str:
        """The runs of a list of invoices, as far as Temporal knows its filters: period and stage."""
        stage = f' AND {STAGE.name}="{filters.stage}"' if filters.stage else ""
        return self._listed(f'{PERIOD.name}="{filters.period}"{stage}')

    def _listed(self, query: str) -> str:
        return f"{self.base}?query={quote(query)}" if self.base else ""
