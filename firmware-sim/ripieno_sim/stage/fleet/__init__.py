"""The fleet, tried with real processes: a device's end, the consumer, Mosquitto; how fast, and killed at random.

In:    how many results, how long, a seed. Out: figures.
Never: a part of the daemon that a fleet's device has not; a wait that hides a loss.
Start: bench.py, chaos.py (what runs what); device.py (the device's end as a program of its own), mosquitto.py.
"""
