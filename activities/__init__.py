"""Activities: one outside effect each, as methods of classes that hold ports; each writes down what it did.

Every activity first records the month it was given in the ledger, then acts, then records what came of it. All of them
may be repeated after any failure.
"""
