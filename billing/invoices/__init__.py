"""A month and its invoice: what is due, what people may say to it, what needs an approval."""
