"""Texts to customers: SMS, of which every segment costs money and nobody can be sure that it has arrived."""
