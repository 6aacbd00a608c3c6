"""What customers owe and what has been paid: the journal of all movements of money, on every rail."""
