"""Rehearsal: the coming months of the whole book, on the production workflow and activities, in a private world.

book.py        what is real, read and never written: customers, where their months stand, the worksheets
script.py      what reviewers do in it, from a file
stage.py       the private world: Temporal server, stand-ins, ledger, worker
subscribers.py how bills are paid, and what follows when they are not
run.py         lets each customer's time pass, each on a clock of its own
parts.py       a large book, by several processes
report.py      what came of it, as arithmetic
"""
