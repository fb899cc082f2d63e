"""Mutants: the product with one protection taken out. Each must be caught, and the product must pass where it is.

In:    nothing of this is in a wheel. Out: for each mutant the seed that caught it.
Never: a mutant that cannot be caught, or a scenario that the product itself does not pass.
Start: __main__.py; one module for each part that is protected.
"""
