"""Fleet: results go to a consumer and stay here until its receipt.

Messages come and are acknowledged when they are durable.

In:    records of the ledger's stream; messages of a broker.
Out:   batches, receipts, births; nothing is freed on a broker's word alone.
Never: a dependence of the line on a network; a queue that dies with the process.
Start: station.py (a device's end), outbox.py (its results), consumer.py (the other side), envelope.py and topics.py
       (what is on the wire); broker_mqtt.py, broker_socket.py, message_broker.py: three ways to the same `Broker` port.
"""

from .consumer import Consumer
from .envelope import BadEnvelope, Envelope, Sender, decode, encode
from .message_broker import Faults, MessageBroker
from .outbox import Outbox, Quota
from .station import Station
from .topics import Topics

__all__ = [
    "BadEnvelope",
    "Consumer",
    "Envelope",
    "Faults",
    "MessageBroker",
    "Outbox",
    "Quota",
    "Sender",
    "Station",
    "Topics",
    "decode",
    "encode",
]
