"""Conducting: what the outside reports becomes events; what the engine wants becomes work; both are recorded.

In:    edges, frames, readings and messages from devices; answers of models, records and people; the engine's effects.
Out:   records in the ledger; calls to workers and records; acts and setpoints for devices; a standstill that is kept.
Never: a decision (the engine's); a device opened or closed (the app's); work begun before its event is recorded.
Start: conductor.py (one event, one turn), arrivals.py (in), outputs.py (out), calls.py and lookups.py (answers that
       come later), standstill.py (outputs held), timeline.py (the engine's clock).
"""
