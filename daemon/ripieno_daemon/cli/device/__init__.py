"""Commands that set a device up, run its daemon, and carry its state."""
