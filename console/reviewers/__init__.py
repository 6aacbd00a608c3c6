"""Reviewers' pages."""
