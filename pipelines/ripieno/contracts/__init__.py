"""Contracts: what the library asks of the world, and what drivers and runtimes promise.

In:    nothing. Out: protocols. Never: an implementation.
Start: ports.py (clock, entropy, files, store, broker, inference), site.py (network, files, brokers and callers of a
       site), driver.py (devices), runtime.py (model runtimes), slots.py (how pictures lie in shared memory).
"""
