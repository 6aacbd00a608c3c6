"""Rows of the file of customers, and the problems that are found in them."""

from billing.customers.roster import REQUIRED, parse_roster

HEADER = ",".join(REQUIRED)
ACME = "acme,billing@acme.example,Acme,eur,Europe/Paris,cus_1,pm_1"
KIWI = "kiwi,billing@kiwi.example,Kiwi,nzd,Pacific/Auckland,cus_2,pm_2"


def problems_of(*rows: str, header: str = HEADER) -> dict[int, str]:
    """The reasons by line."""
    _, problems = parse_roster("\n".join((header, *rows)))
    return {problem.line: problem.reason for problem in problems}


TOKENS = "customer_id,email,name,currency,timezone,token"
ANN = "ann,ann@example.com,Ann,eur,Europe/Paris,tok_1Abc"
