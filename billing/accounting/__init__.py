"""What the books need: export and reconciliation."""
