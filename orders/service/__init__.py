"""Service orders: one subscriber, led through a procedure."""
