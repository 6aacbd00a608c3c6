"""The bank within chaos: who pays by its app and at its terminals, and what its files say in the end."""
