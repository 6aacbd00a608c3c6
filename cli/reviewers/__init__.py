"""Commands about reviewers."""
