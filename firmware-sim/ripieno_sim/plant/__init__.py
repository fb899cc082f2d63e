"""Plant: a belt with parts, the extruder that makes them, a camera place and a gate; and what really happened.

In:    output values with the command that caused them, a time.
Out:   edges for the board, pictures for a camera, where every part ended and how often every command ran.
Never: the host's opinion: the plant alone says what happened; no clock, no I/O. picture.py alone uses numpy and OpenCV.
Start: conveyor.py puts it together; belt.py says where everything is; oracle.py judges.
"""

from ripieno_sim.plant.belt import Belt, Motion
from ripieno_sim.plant.conveyor import CHANNELS, FLOW, GATE, Conveyor, ConveyorSettings
from ripieno_sim.plant.extruder import Extruder, drift, run_without_control, uncorrected_error
from ripieno_sim.plant.gate import Gate, Opening
from ripieno_sim.plant.oracle import Oracle, Tally
from ripieno_sim.plant.parts import End, Part
from ripieno_sim.plant.station import Station

__all__ = [
    "CHANNELS",
    "FLOW",
    "GATE",
    "Belt",
    "Conveyor",
    "ConveyorSettings",
    "End",
    "Extruder",
    "Gate",
    "Motion",
    "Opening",
    "Oracle",
    "Part",
    "Station",
    "Tally",
    "drift",
    "run_without_control",
    "uncorrected_error",
]
