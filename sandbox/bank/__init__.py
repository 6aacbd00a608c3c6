"""A stand-in for a bank: its app and terminals, where subscribers pay by account number, and the company's account."""
