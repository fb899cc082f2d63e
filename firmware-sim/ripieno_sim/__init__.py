"""Boards, line and plant that answer as real ones do, for the demo and for tests."""
