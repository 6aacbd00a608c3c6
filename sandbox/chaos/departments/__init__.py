"""Departments within chaos: who is to be connected, what its people do with tasks, what they announce."""
