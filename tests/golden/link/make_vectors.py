"""Write vectors.json: frames that both ends of the link must produce and accept byte for byte.

A third implementation, of nothing but struct and zlib, written from docs/link-protocol.md alone and importing neither
end. The one command that rewrites the file: `python tests/golden/link/make_vectors.py`.

Entry: name, direction ("host" or "board" sends it), type, seq, ack, token (the crc's seed), fields (by the document's
names; bytes as hex, readings as pairs), wire (hex, closing zero included). `cobs` holds bodies and their stuffed form,
`damaged` runs that no receiver may take for a frame of the token given, `config_crc` the channel table of the demo.
"""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

TOKEN = 0x1BADB002
OTHER_TOKEN = 0xFFFFFFFF
UID = bytes.fromhex("52495049454e4f2d53494d00")

LAYOUTS: dict[str, tuple[int, str, list[str]]] = {
    "HELLO": (0x01, "<BBI", ["proto", "reserved", "host_nonce"]),
    "WELCOME": (
        0x02,
        "<BBHI12sIIIIIiIIIBB",
        [
            "proto",
            "ring",
            "state",
            "host_nonce",
            "device_uid",
            "boot_id",
            "token",
            "last_cmd_id",
            "journal_epoch",
            "now_us",
            "count",
            "edges",
            "fw_id",
            "config_crc",
            "reset_cause",
            "window",
        ],
    ),
    "BOOT": (0x03, "<IB", ["boot_id", "cause"]),
    "ACK": (0x10, "<", []),
    "NAK": (0x11, "<", []),
    "PING": (0x12, "<I12x", ["tag"]),
    "PONG": (0x13, "<IIiHH", ["tag", "now_us", "count", "state", "armed"]),
    "SAMPLE": (0x14, "<IiIHHHH", ["now_us", "count", "edges", "state", "armed", "inputs", "outputs"]),
    "ACT": (0x20, "<IBiIHHH", ["cmd_id", "target", "value", "at", "late", "hold_ms", "span"]),
    "DONE": (0x21, "<IBIIi", ["cmd_id", "status", "args_crc", "t_actual_us", "count"]),
    "QUERY": (0x22, "<I", ["cmd_id"]),
    "STATUS": (0x23, "<IBIIi", ["cmd_id", "status", "args_crc", "t_actual_us", "count"]),
    "ARM": (0x24, "<H", ["mask"]),
    "EVENT": (0x25, "<BBIiIi", ["kind", "source", "t_us", "count", "number", "value"]),
    "ESTOP": (0x26, "<B", ["reason"]),
    "CANCEL": (0x27, "<I", ["cmd_id"]),
    "SET": (0x28, "<BiH", ["channel", "value", "lease_ms"]),
}
TABLE = [(0, 1, 1, 0, 1, 0, 2000), (1, 2, 100, 6000, 14000, 10000, 3000)]


def stuff(body: bytes) -> bytes:
    """Return the COBS form, byte by byte as the paper tells it."""
    out, code_at, code = bytearray([0]), 0, 1
    for byte in body:
        if byte:
            out.append(byte)
            code += 1
        else:
            out[code_at] = code
            code_at, code = len(out), 1
            out.append(0)
    out[code_at] = code
    return bytes(out)


def payload_of(kind: str, fields: dict[str, Any]) -> bytes:
    """Return the payload of a frame."""
    _, layout, names = LAYOUTS[kind]
    packed = struct.pack(layout, *(fields[name] for name in names))
    for channel, value in fields.get("readings", []):
        packed += struct.pack("<Bi", channel, value)
    return packed


def sealed(kind: int, seq: int, ack: int, payload: bytes, token: int) -> bytes:
    """Return the wire bytes of a frame."""
    head = bytes([kind, seq, ack]) + payload
    return stuff(head + struct.pack("<I", zlib.crc32(head, token))) + b"\0"


def entry(name: str, direction: str, kind: str, fields: dict[str, Any], seq: int = 0, ack: int = 0,
          token: int = TOKEN) -> dict[str, Any]:  # fmt: skip
    """Return one golden frame."""
    wire = sealed(LAYOUTS[kind][0], seq, ack, payload_of(kind, fields), token)
    shown = {key: value.hex() if isinstance(value, bytes) else value for key, value in fields.items()}
    return {
        "name": name,
        "direction": direction,
        "type": kind,
        "seq": seq,
        "ack": ack,
        "token": token,
        "fields": shown,
        "wire": wire.hex(),
    }


def act(**changed: int) -> dict[str, int]:
    """Return the fields of an ACT: open the gate at a count."""
    usual = {"cmd_id": 1001, "target": 0x80, "value": 1, "at": 8300, "late": 40, "hold_ms": 500, "span": 200}
    return usual | changed


def args_crc(fields: dict[str, int]) -> int:
    """Return the digest of an ACT's arguments."""
    return zlib.crc32(payload_of("ACT", fields)[4:])


def done(fields: dict[str, int], status: int, t_us: int, count: int) -> dict[str, int]:
    """Return the answer to an ACT."""
    crc = 0 if status in (0, 10) else args_crc(fields)
    return {"cmd_id": fields["cmd_id"], "status": status, "args_crc": crc, "t_actual_us": t_us, "count": count}


def frames() -> list[dict[str, Any]]:
    """Return every type at least once, then the corners."""
    config_crc = zlib.crc32(b"".join(struct.pack("<BBiiiiH", *row) for row in TABLE))
    welcome = {
        "proto": 1, "ring": 16, "state": 4, "host_nonce": 0x01020304, "device_uid": UID, "boot_id": 0xB007B007,
        "token": TOKEN, "last_cmd_id": 1000, "journal_epoch": 0xE90C0001, "now_us": 2_000_000, "count": 8123,
        "edges": 7, "fw_id": 0x00010000, "config_crc": config_crc, "reset_cause": 1, "window": 8,
    }  # fmt: skip
    sample = {"now_us": 2_020_000, "count": 8223, "edges": 8, "state": 4, "armed": 3, "inputs": 1, "outputs": 2}
    eye = {"kind": 1, "source": 0, "t_us": 2_010_000, "count": 8173, "number": 8, "value": 0}
    ping, pong = {"tag": 7}, {"tag": 7, "now_us": 2_100_000, "count": 8623, "state": 4, "armed": 3}
    setting = {"channel": 1, "value": 9800, "lease_ms": 1000}
    host, board = "host", "board"
    return [
        entry("hello", host, "HELLO", {"proto": 1, "reserved": 0, "host_nonce": 0x01020304}, token=0),
        entry("hello-nonce-of-zeros", host, "HELLO", {"proto": 1, "reserved": 0, "host_nonce": 0}, token=0),
        entry("welcome", board, "WELCOME", welcome, token=0),
        entry("welcome-after-warm-reset", board, "WELCOME", welcome | {"state": 13, "reset_cause": 4}, token=0),
        entry("boot", board, "BOOT", {"boot_id": 0xB007B007, "cause": 1}, token=0),
        entry("ack-from-host", host, "ACK", {}, ack=3),
        entry("ack-from-board-wrapped", board, "ACK", {}, ack=255),
        entry("ack-under-another-token", host, "ACK", {}, ack=3, token=OTHER_TOKEN),
        entry("nak-from-host", host, "NAK", {}, ack=4),
        entry("nak-from-board", board, "NAK", {}, ack=0),
        entry("ping", host, "PING", ping, ack=1),
        entry("pong", board, "PONG", pong, ack=1),
        entry("sample-without-readings", board, "SAMPLE", sample, ack=2),
        entry("sample-with-flow", board, "SAMPLE", sample | {"readings": [[1, 9800]]}, ack=2),
        entry("sample-with-eight-readings", board, "SAMPLE",
              sample | {"readings": [[n, (-1) ** n * n * 1000] for n in range(8)]}, ack=2),
        entry("act-now", host, "ACT", act(target=0x00, at=0, late=500, span=0), seq=0, ack=2),
        entry("act-at-time", host, "ACT", act(cmd_id=1002, target=0x40, at=2_500_000, late=20, span=0), seq=1, ack=2),
        entry("act-at-count", host, "ACT", act(cmd_id=1003), seq=2, ack=2),
        entry("act-at-negative-count", host, "ACT", act(cmd_id=1004, at=-5 & 0xFFFFFFFF), seq=3, ack=2),
        entry("act-negative-value", host, "ACT", act(cmd_id=1005, value=-1), seq=255, ack=2),
        entry("done", board, "DONE", done(act(cmd_id=1003), 2, 2_061_540, 8300), seq=1, ack=3),
        entry("done-late", board, "DONE", done(act(cmd_id=1003), 3, 0, 0), seq=1, ack=3),
        entry("done-mismatch", board, "DONE", done(act(cmd_id=1003), 9, 2_061_540, 8300), seq=2, ack=3),
        entry("query", host, "QUERY", {"cmd_id": 1003}, seq=4, ack=3),
        entry("status-in-doubt", board, "STATUS", done(act(cmd_id=1003), 7, 0, 0), seq=3, ack=5),
        entry("status-none", board, "STATUS", done(act(cmd_id=1999), 0, 0, 0), seq=4, ack=5),
        entry("status-forgotten", board, "STATUS", done(act(cmd_id=12), 10, 0, 0), seq=5, ack=5),
        entry("arm", host, "ARM", {"mask": 3}, seq=5, ack=3),
        entry("event-rising", board, "EVENT", eye, seq=0, ack=3),
        entry("event-safe", board, "EVENT", eye | {"kind": 3, "source": 1, "number": 3}, seq=6, ack=3),
        entry("event-refused", board, "EVENT", eye | {"kind": 7, "source": 1, "number": 2, "value": -1}, seq=7, ack=3),
        entry("estop-from-host", host, "ESTOP", {"reason": 1}, ack=3),
        entry("estop-confirmed", board, "ESTOP", {"reason": 1}, ack=3),
        entry("cancel", host, "CANCEL", {"cmd_id": 1003}, seq=6, ack=3),
        entry("set", host, "SET", setting, seq=7, ack=3),
        entry("set-of-zeros", host, "SET", {"channel": 0, "value": 0, "lease_ms": 0}, seq=0, ack=0),
        entry("clock-before-wrap", board, "PONG", pong | {"now_us": 0xFFFFFFFF, "count": 0x7FFFFFFF}, ack=9),
        entry("clock-after-wrap", board, "PONG", pong | {"now_us": 0, "count": -0x80000000}, ack=9),
        entry("act-across-the-clock-wrap", host, "ACT", act(target=0x40, at=0x00000010, span=0), seq=8, ack=9),
        entry("seq-and-ack-at-their-end", host, "QUERY", {"cmd_id": 0xFFFFFFFF}, seq=255, ack=255),
    ]  # fmt: skip


def cobs_cases() -> list[dict[str, str]]:
    """Return bodies with zeros everywhere, and the longest."""
    bodies = [b"\0", b"\0\0", b"\1", b"\0\1", b"\1\0", b"\x11\x22\0\x33", bytes(71), bytes(range(1, 72)),
              b"\xff" * 71, b"\0" + b"\xaa" * 69 + b"\0", bytes(range(71))]  # fmt: skip
    return [{"body": body.hex(), "stuffed": stuff(body).hex()} for body in bodies]


def damaged_cases() -> list[dict[str, Any]]:
    """Return runs with their closing zero that hold no frame of TOKEN."""
    good = sealed(0x22, 4, 3, struct.pack("<I", 1003), TOKEN)
    flipped = bytearray(good)
    flipped[4] ^= 0x40
    long_query = sealed(0x22, 4, 3, struct.pack("<II", 1003, 0), TOKEN)
    unknown = sealed(0x7F, 0, 3, b"", TOKEN)
    too_long = stuff(bytes([0x14, 0, 0]) + bytes(65) + b"\1\2\3\4") + b"\0"
    nine_readings = sealed(0x14, 0, 2, struct.pack("<IiIHHHH", 1, 2, 3, 4, 3, 1, 2) + bytes(45), TOKEN)
    other = sealed(0x22, 4, 3, struct.pack("<I", 1003), OTHER_TOKEN)
    cases = {
        "one bit flipped": bytes(flipped),
        "another session's token": other,
        "four bytes too many for its type": long_query,
        "no such type": unknown,
        "a body of 72 bytes": too_long,
        "a sample of nine readings": nine_readings,
        "the last byte lost": good[:-2] + b"\0",
        "shorter than an envelope": stuff(b"\x10\0\0\1\2\3") + b"\0",
        "a length that points behind the end": b"\x09\x10\x01\x02\0",
    }
    return [{"name": name, "token": TOKEN, "wire": wire.hex()} for name, wire in cases.items()]


def vectors() -> dict[str, Any]:
    """Return everything that the file holds."""
    crc = zlib.crc32(b"".join(struct.pack("<BBiiiiH", *row) for row in TABLE))
    return {
        "source": "docs/link-protocol.md, version 1; written by make_vectors.py",
        "frames": frames(),
        "cobs": cobs_cases(),
        "damaged": damaged_cases(),
        "config_crc": {"table": TABLE, "crc": crc},
        "args_crc": {"fields": act(), "crc": args_crc(act())},
    }


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1) + "\n"
    Path(__file__).with_name("vectors.json").write_text(text, encoding="utf-8")
