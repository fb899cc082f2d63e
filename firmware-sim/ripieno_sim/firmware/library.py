"""The shared object of the firmware, as Python calls it; port/virtual/virtual.h says what each function does."""

import ctypes
from ctypes import POINTER, c_bool, c_int, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_void_p
from functools import cache
from pathlib import Path

from ripieno_sim.firmware.build import built

__all__ = ["CHANNELS", "SPOKEN_MAX", "Look", "MachineTable", "callbacks", "library"]

CHANNELS = 2
SPOKEN_MAX = 74  # a frame, its closing zero and one in front

_COUNT = ctypes.CFUNCTYPE(c_int32, c_void_p, c_uint32)
_TIME_OF_COUNT = ctypes.CFUNCTYPE(c_bool, c_void_p, c_int32, c_uint32, POINTER(c_uint32))
_INPUTS = ctypes.CFUNCTYPE(c_uint16, c_void_p)
_OUTPUT = ctypes.CFUNCTYPE(None, c_void_p, c_uint8, c_int32, c_uint32, c_uint32)
_ENTROPY = ctypes.CFUNCTYPE(c_uint32, c_void_p)
_STEP = ctypes.CFUNCTYPE(None, c_void_p, c_uint8, c_uint32)


class MachineTable(ctypes.Structure):
    """`struct machine`, with the step that builds for tests have."""

    _fields_ = (
        ("port", c_void_p),
        ("count", _COUNT),
        ("time_of_count", _TIME_OF_COUNT),
        ("inputs", _INPUTS),
        ("output", _OUTPUT),
        ("entropy", _ENTROPY),
        ("step", _STEP),
    )


class Look(ctypes.Structure):
    """`struct look`: what a test may see of the inside."""

    boot_id: int
    epoch: int
    last_cmd_id: int
    token: int
    values: "ctypes.Array[c_int32]"
    state: int
    armed: int
    outputs: int
    waiting: int
    _fields_ = (
        ("boot_id", c_uint32),
        ("epoch", c_uint32),
        ("last_cmd_id", c_uint32),
        ("token", c_uint32),
        ("values", c_int32 * CHANNELS),
        ("state", c_uint16),
        ("armed", c_uint16),
        ("outputs", c_uint16),
        ("waiting", c_uint16),
    )


callbacks = {
    "count": _COUNT,
    "time_of_count": _TIME_OF_COUNT,
    "inputs": _INPUTS,
    "output": _OUTPUT,
    "entropy": _ENTROPY,
    "step": _STEP,
}
_SIGNATURES: dict[str, tuple[object, list[object]]] = {
    "virtual_bytes": (c_size_t, []),
    "virtual_journal_bytes": (c_size_t, []),
    "virtual_config_crc": (c_uint32, []),
    "virtual_wire_up": (None, [c_void_p, POINTER(MachineTable), ctypes.c_char_p, c_uint32, c_uint32, c_uint32]),
    "virtual_start": (None, [c_void_p, c_void_p, c_uint8, c_bool, c_uint32]),
    "virtual_receive": (None, [c_void_p, ctypes.c_char_p, c_size_t, c_uint32]),
    "virtual_overrun": (None, [c_void_p, c_uint32, c_uint32]),
    "virtual_input": (None, [c_void_p, c_uint8, c_bool, c_uint32]),
    "virtual_speed_changed": (None, [c_void_p, c_uint32]),
    "virtual_clear_estop": (None, [c_void_p]),
    "virtual_advance": (None, [c_void_p, c_uint32]),
    "virtual_next_wire": (c_size_t, [c_void_p, c_uint32, c_void_p]),
    "virtual_deadlines": (c_int, [c_void_p, c_uint32, c_void_p, c_void_p]),
    "virtual_look": (None, [c_void_p, POINTER(Look)]),
    "virtual_seal": (
        c_size_t,
        [c_uint8, c_uint8, c_uint8, ctypes.c_char_p, c_uint8, c_uint32, c_void_p],
    ),
    "virtual_open": (c_size_t, [ctypes.c_char_p, c_size_t, c_uint32, c_void_p]),
    "virtual_cobs_encode": (c_size_t, [ctypes.c_char_p, c_size_t, c_void_p]),
    "virtual_cobs_decode": (c_size_t, [ctypes.c_char_p, c_size_t, c_void_p]),
    "virtual_crc": (c_uint32, [ctypes.c_char_p, c_size_t, c_uint32]),
    "virtual_args_crc": (c_uint32, [ctypes.c_char_p]),
    "virtual_encoder_count": (c_int32, [c_void_p, c_bool, c_uint32]),
    "virtual_encoder_time_of": (c_bool, [c_void_p, c_bool, c_int32, c_uint32, POINTER(c_uint32)]),
}


@cache
def library(path: Path | None = None) -> ctypes.CDLL:
    """Load the firmware; without a path it is built first.

    Raises:
        ToolMissing, BuildFailed: see `built`.
    """
    loaded = ctypes.CDLL(str(path or built("virtual")))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded
