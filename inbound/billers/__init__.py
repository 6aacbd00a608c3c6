"""The biller interface: a bank's app asks what an account owes, and tells what was paid, each bank in its dialect."""
