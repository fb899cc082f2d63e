"""Drivers: one package for each kind of device.

In:    settings of a device file and the ports of a `Context`. Out: arrivals (edges, positions, frames) and
outcomes of acts.
Never: a decision, the daemon, or I/O outside the files that say they are ports.
Start: link/ (machines on a serial line), cameras/ (pictures), booking/, records/, messages/, files/ (other systems of
       the site).
"""
