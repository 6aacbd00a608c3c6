"""How fast money is taken: from a payment to production, and by a bank's app."""
