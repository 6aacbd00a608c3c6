"""WayForPay: a shop's pages, links, callbacks, list of transactions and refunds."""
