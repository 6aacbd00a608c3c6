"""Where sales are read."""
