"""The ledger in a SQL database: a SQLite file by default, PostgreSQL by URL.

::

    ledger = await SqlLedger.connect("sqlite:////srv/billing/ledger.db")  # or postgresql://user:password@host/database
    await ledger.migrate()
    await ledger.record(month, at)
    await ledger.close()

Several processes may use one ledger. Every error of the database or its driver becomes ``LedgerUnavailable``.
Each capability has a folder of its own.
"""

from adapters.sql.announcements.announcements import SqlAnnouncements
from adapters.sql.announcements.listing import SqlAnnouncementListing
from adapters.sql.announcements.pages import SqlAnnouncementPages
from adapters.sql.completeness.completeness import SqlCompleteness
from adapters.sql.completeness.readings import SqlReadings
from adapters.sql.completeness.uncollected import SqlUncollected
from adapters.sql.customers.account_numbers import SqlAccountNumbers
from adapters.sql.customers.customers import SqlCustomers
from adapters.sql.customers.erase import SqlErase
from adapters.sql.customers.registrations import SqlRegistrations
from adapters.sql.customers.roster import SqlRoster
from adapters.sql.customers.starts import SqlStarts
from adapters.sql.events.outbox import SqlOutbox
from adapters.sql.export import SqlExport
from adapters.sql.invoices.charging import SqlCharging
from adapters.sql.invoices.months import SqlMonths
from adapters.sql.orders.findings import SqlOrderFindings
from adapters.sql.orders.listing import SqlOrderListing
from adapters.sql.orders.order_watch import SqlOrderWatch
from adapters.sql.orders.orders import SqlOrders
from adapters.sql.payments.checkouts import SqlCheckouts
from adapters.sql.payments.collections import SqlCollections
from adapters.sql.payments.file_mappings import SqlFileMappings
from adapters.sql.payments.gateways import SqlGateways
from adapters.sql.payments.payment_export import SqlPaymentExport
from adapters.sql.payments.payments import SqlPayments
from adapters.sql.payments.register_decisions import SqlRegisterDecisions
from adapters.sql.payments.registers import SqlRegisters
from adapters.sql.receivables.billers import SqlBillers
from adapters.sql.receivables.clearing import SqlClearing
from adapters.sql.receivables.incoming import SqlIncoming
from adapters.sql.receivables.instructions import SqlInstructions
from adapters.sql.receivables.journal import SqlJournal
from adapters.sql.receivables.payment_list import SqlPaymentList
from adapters.sql.reviewers.alerts import SqlAlerts
from adapters.sql.reviewers.brake import SqlBrake
from adapters.sql.reviewers.review_queries import SqlReviewQueries
from adapters.sql.reviewers.users import SqlUsers
from adapters.sql.service_orders.board import SqlServiceBoard
from adapters.sql.service_orders.findings import SqlServiceOrderFindings
from adapters.sql.service_orders.listing import SqlServiceOrderListing
from adapters.sql.service_orders.service_orders import SqlServiceOrders
from adapters.sql.statements.files import SqlStatements
from adapters.sql.subscribers.calls import SqlServiceCalls
from adapters.sql.subscribers.findings import SqlServiceFindings
from adapters.sql.subscribers.listing import SqlServiceListing
from adapters.sql.subscribers.services import SqlServices
from adapters.sql.tariffs.tariffs import SqlTariffs
from adapters.sql.tasks.crews import SqlCrews
from adapters.sql.tasks.documents import SqlDocuments
from adapters.sql.tasks.listing import SqlTaskListing
from adapters.sql.tasks.tasks import SqlTasks
from adapters.sql.texts.texts import SqlTexts


class SqlLedger(
    SqlCustomers,
    SqlMonths,
    SqlCharging,
    SqlJournal,
    SqlClearing,
    SqlIncoming,
    SqlOutbox,
    SqlPaymentList,
    SqlInstructions,
    SqlOrders,
    SqlOrderListing,
    SqlOrderFindings,
    SqlOrderWatch,
    SqlServiceOrders,
    SqlServiceOrderListing,
    SqlServiceOrderFindings,
    SqlPayments,
    SqlCheckouts,
    SqlGateways,
    SqlStatements,
    SqlRegisters,
    SqlRegisterDecisions,
    SqlFileMappings,
    SqlCollections,
    SqlBrake,
    SqlReviewQueries,
    SqlUsers,
    SqlCompleteness,
    SqlUncollected,
    SqlExport,
    SqlPaymentExport,
    SqlErase,
    SqlAlerts,
    SqlRegistrations,
    SqlReadings,
    SqlStarts,
    SqlRoster,
    SqlAccountNumbers,
    SqlBillers,
    SqlServices,
    SqlServiceCalls,
    SqlServiceListing,
    SqlServiceFindings,
    SqlServiceBoard,
    SqlTasks,
    SqlCrews,
    SqlTaskListing,
    SqlDocuments,
    SqlTariffs,
    SqlTexts,
    SqlAnnouncements,
    SqlAnnouncementListing,
    SqlAnnouncementPages,
):
    """All stores of the ledger in SQL. Create it by ``connect``; every method may be repeated after any failure."""
