"""What customers are told, by mail and by text."""
