"""The part of the judge about orders: their books, the evidence, and what was promised."""
