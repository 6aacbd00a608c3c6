"""Provisioning, by HTTP."""
