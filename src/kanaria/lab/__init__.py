"""Miners, pools and attackers of our own for tests and demonstrations; nothing here hashes or leaves the machine."""
