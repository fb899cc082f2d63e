"""Devices of others, simulated from their public specifications: what drivers are tried against.

In:    bytes from a host, a time in microseconds that never falls.
Out:   bytes to the host, and what really happened: how often each output acted, where each setpoint stands.
Never: a clock, code of the host's side, or a host's opinion of what happened.
Start: printing_sensor.py is the smallest. Each is an entry point of group `ripieno.simulated`: called with a seed it
       gives a device whose `settings` and `points` are those of the driver that has the entry's name.
"""
