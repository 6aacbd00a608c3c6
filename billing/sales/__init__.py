"""The sheet: its worksheets, rows and amounts, and late sales."""
