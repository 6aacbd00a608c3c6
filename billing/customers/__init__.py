"""Who is billed: customers, their terms, addresses, registrations and the roster."""
