"""Pages about payments: the list, one payment, one account, and money that people record."""
