"""A bank's register of a day: what its app has taken, by the bank's own record, beside what the journal has."""
