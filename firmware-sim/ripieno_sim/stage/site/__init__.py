"""A site without machines: the simulated conveyor line, kept running for daemons that come and go.

In:    a folder. Out: a serial port `conveyor` and a camera's folder `camera` in it, and a report of what the board saw.
Never: a daemon started, stopped or looked into; it meets the line as it would meet a real one.
Start: running.py; command.py (`ripieno sim line`), driver.py (driver `simulated-line`, for a device file).
"""
