"""Pages about orders: the list with the time from payment to release, one order, and what people do with it."""
