"""Commands that ask a running daemon, over its local socket."""
