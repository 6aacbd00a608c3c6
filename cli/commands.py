"""Every command of the command line: where it is, and in which panel of the help. Nothing is imported for it."""

import inspect
from typing import Any

from typer.core import TyperCommand, TyperGroup

from cli.terminal.lazy import lazy_commands

_COLLECTIONS = """Unpaid months: list, show, retry, promise, halt, resume, write off.

[bold]Examples[/bold]
$ python starter.py collections list
$ python starter.py collections show acme --period 2026-11
"""
_PAYMENTS = """Money that has arrived, on any rail: record, import, list, show, assign, refund; links to pay by.

[bold]Examples[/bold]
$ python starter.py payments list --unmatched
$ python starter.py payments show transfer 7731
"""
_REGISTER = """A bank's register of a day: take a file in, then confirm or reject what is not in the books.

Without a word before it, FILE is taken in.

[bold]Examples[/bold]
$ python starter.py payments register register.csv --rail bank-app --day 2026-11-27
$ python starter.py payments register confirm bank-app 20261127000017 --by ann --reason "by the register"
"""
_ORDERS = """Orders that are made once they are paid, or lead a subscriber through a procedure: open, list, show …

[bold]Examples[/bold]
$ python starter.py orders list --open
$ python starter.py orders show 1042
"""
_EVENTS = """What is told to your own systems: list, resend.

[bold]Examples[/bold]
$ python starter.py events list --undelivered
$ python starter.py events resend 2f9d6a0e-6f0e-5d3c-9c3b-0d8a4f1f7a55
"""
_CUSTOMERS = """The roster: list, show, import, export, links to register, settle a balance, erase a person's data.

[bold]Examples[/bold]
$ python starter.py customers list
$ python starter.py customers import tokens.csv
"""
_NUMBERS = """The numbers by which customers pay in a bank's app: open, close, list; personal numbers.

[bold]Examples[/bold]
$ python starter.py numbers open acme --by ann --reason "contract 17"
$ python starter.py numbers list acme
"""
_TARIFFS = """What accounts can subscribe to: add, list, show, change, ladder, end, import.

[bold]Examples[/bold]
$ python starter.py tariffs list
$ python starter.py tariffs show internet-100
"""
_SUBSCRIBERS = """Service accounts: register, list, show; activate, suspend, restore, close; tariffs, fees, discounts.

[bold]Examples[/bold]
$ python starter.py subscribers list --state suspended
$ python starter.py subscribers show 1000009
$ python starter.py subscribers tariff 1000009 internet-100 --from 2026-11-20 --by ann --reason "contract 17"
"""
_TASKS = """What departments have to do: list, show, claim, complete, return, hand over, assign.

[bold]Examples[/bold]
$ python starter.py tasks list --department crew
$ python starter.py tasks complete 7 --by bob --reason "cut at the box"
"""
_ANNOUNCEMENTS = """Planned works: preview, create, approve, correct, cancel; list, show who was told what, and when.

[bold]Examples[/bold]
$ python starter.py announcements list
$ python starter.py announcements show 7
"""
_PROCEDURES = """By which steps subscribers are connected, changed, disconnected, answered: check, list, draw.

[bold]Examples[/bold]
$ python starter.py procedures check
$ python starter.py procedures draw connect
"""
_TEXTS = """Texts to customers: list, check how many segments each has, send one to try.

[bold]Examples[/bold]
$ python starter.py texts list --customer acme
$ python starter.py texts check
"""
_USERS = """The users of the console: add, list, disable, enable, password, role, departments.

[bold]Examples[/bold]
$ python starter.py user add ann --role reviewer --name "Ann Lee"
$ python starter.py user list
$ python starter.py user disable ann
"""
_BRAKE = """The emergency brake: while it is on, nothing is announced or charged, for anybody.

[bold]Examples[/bold]
$ python starter.py brake on --by ann --reason "the sheet is last year's"
$ python starter.py brake show
"""


class _RegisterGroup(TyperGroup):
    """``register FILE`` is short for ``register take FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_named = not args or args[0] in self.commands or args[0] == "--help"
        return super().parse_args(ctx, args if is_named else ["take", *args])


def _group(panel: str, name: str, help: str, *places: str) -> dict[str, TyperGroup]:
    """A command with commands of its own."""
    return {
        name: TyperGroup(
            name=name,
            help=inspect.cleandoc(help),
            commands=dict(lazy_commands("", *places)),
            no_args_is_help=True,
            rich_help_panel=panel,
        )
    }


_register = _RegisterGroup(
    name="register",
    help=inspect.cleandoc(_REGISTER),
    commands=dict(lazy_commands("", "receivables.registers: take confirm reject")),
    no_args_is_help=True,
)
_unpaid = "collections.collections: list_ show retry promise halt resume write_off"
_arrived = "receivables.payments: record list_ show"
_orders = (
    "orders.orders: open_ list_ show",
    "orders.link: link",
    "orders.changes: amend cancel halt correct resume reopen send_again",
    "orders.import_orders: import_",
)
_links = "receivables.link: link links"
_files = ("receivables.registers: registers", "receivables.statements: import_ imports payers settle")
_to_accounting = "accounting.export_payments: export"
_asked = "receivables.instructions: assign refund proposals confirm reject"
_known, _imported = "customers.customers: list_ show", "customers.import_customers: import_"
_others = "customers.customers: export link invite registrations settle"
_services = "subscribers.subscribers: add set_ list_ show activate suspend restore close"
_works = "announcements.announcements: preview create approve correct cancel"
_from_file = "subscribers.import_subscribers: import_"
_tariffs = "tariffs.tariffs: add list_ show change ladder end"
_priced = "tariffs.subscribed: tariff end_tariff fee discount end_discount limit bill"
_tasks = "tasks.tasks: list_ show claim complete return_ hand_over assign"
_payments = _group("Customers and months", "payments", _PAYMENTS, _arrived, _asked, _links, *_files, _to_accounting)
_payments["payments"].commands["register"] = _register

COMMANDS: dict[str, TyperCommand | TyperGroup] = {
    **lazy_commands("Embedded stack", "sandbox.stack: up", "sandbox.demo: demo"),
    **lazy_commands("Customers and months", "customers.start: start", "invoices.invoices: list_ show"),
    **lazy_commands("Review", "invoices.review: halt resume edit", "invoices.refresh: refresh"),
    **lazy_commands("Review", "invoices.review: approve skip"),
    **lazy_commands("Review", "customers.close_account: close", "customers.update: update"),
    **lazy_commands("Operation", "completeness.coverage: coverage", "sandbox.rehearse: rehearse"),
    **lazy_commands("Operation", "accounting.export: export", "accounting.reconcile: reconcile"),
    **lazy_commands("Operation", "init: init", "operate: setup doctor"),
    **_group("Customers and months", "collections", _COLLECTIONS, _unpaid),
    **_payments,
    **_group("Customers and months", "orders", _ORDERS, *_orders),
    **_group("Customers and months", "customers", _CUSTOMERS, _known, _imported, _others, "customers.erase: erase"),
    **_group("Customers and months", "numbers", _NUMBERS, "customers.numbers: open_ close list_ personal"),
    **_group("Customers and months", "tariffs", _TARIFFS, _tariffs, "tariffs.import_tariffs: import_"),
    **_group("Customers and months", "subscribers", _SUBSCRIBERS, _services, _from_file, _priced),
    **_group("Operation", "announcements", _ANNOUNCEMENTS, _works, "announcements.proof: list_ show"),
    **_group("Customers and months", "tasks", _TASKS, _tasks),
    **_group("Customers and months", "procedures", _PROCEDURES, "procedures.procedures: check list_ draw"),
    **_group("Operation", "texts", _TEXTS, "texts.texts: list_ check send_test"),
    **_group("Operation", "user", _USERS, "reviewers.users: add list_ disable enable password role departments"),
    **_group("Operation", "events", _EVENTS, "events.events: list_ resend"),
    **_group("Review", "brake", _BRAKE, "reviewers.brake: on off show"),
}
"""By name, in the order of the help. A place is a module in ``cli`` and functions of it, each a command."""
