"""Commands about money that arrives."""
