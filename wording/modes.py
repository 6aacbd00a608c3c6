"""What pages and mails say of themselves while no money moves."""

from billing.payments.mode import MoneyMode

REVIEWERS_READ = {
    MoneyMode.SANDBOX: "Sandbox: stand-ins only, and no money moves.",
    MoneyMode.TEST: "Test mode: Stripe has a test key, and no money moves.",
    MoneyMode.LIVE: "",
}
CUSTOMERS_READ = {
    MoneyMode.SANDBOX: "This is a test: no money moves.",
    MoneyMode.TEST: "This is a test: no money moves.",
    MoneyMode.LIVE: "",
}
