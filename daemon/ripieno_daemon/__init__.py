"""The daemon: reads the settings, wires the rooms, keeps them running, stores, syncs and serves.

In:    a plan, devices, operators' commands.
Out:   acts on machines, a ledger of what was decided and why, results for the fleet.
Never: a decision of its own (that is `ripieno`), and in the control process no numpy, YAML, pydantic or model runtime.
Start: app.py wires; ports/ is all that touches the operating system; ledger/ and fleet/ keep and send.
"""
