"""Commands about completeness."""
