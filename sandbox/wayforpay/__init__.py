"""A stand-in for WayForPay: its API, its pages for payers, and its callbacks, on real sockets."""
