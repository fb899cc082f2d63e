"""Messages: texts and JSON objects that people and other systems send, and what we say to them.

In:    payloads of a topic, a folder or the command line; bookings of message outputs. Out: messages, and their senders
       told once they are durable.
Never: a sender told `taken` before the record is durable; a payload without end, or one dropped without a count.
Start: mqtt.py (a broker of the site), inbox.py (`ripieno tell`); arriving.py (a payload to a message), keeping.py (who
       may be told). A folder is served by files/.
"""
