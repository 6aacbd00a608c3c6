"""What happens, in order, over months: deterministic, no I/O."""
