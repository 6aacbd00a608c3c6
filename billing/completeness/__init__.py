"""The completeness check: every customer, and every row of the sheet, is billed once."""
