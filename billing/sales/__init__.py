"""The sheet: its worksheets, rows and amounts, and sales that came late."""
