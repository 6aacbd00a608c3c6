"""Chaos: months of billing while workers, the server and every service fail, by a plan that a seed repeats.

python -m sandbox.chaos --seed 7 --customers 100 --months 3
"""
