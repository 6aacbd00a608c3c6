"""Payment methods, payments and their ports, for every rail."""
