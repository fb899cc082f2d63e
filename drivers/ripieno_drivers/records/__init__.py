"""Records: what other systems know about something, looked up by its key when it is wanted.

In:    an input's name and a key. Out: a Record: found or not, its values by name, or FAILED with the reason.
Never: a change in a system of others; an exception for what a person must mend; a value that was not there.
Start: sqlite.py (a database of this machine), http.py (a service of the site).
"""
