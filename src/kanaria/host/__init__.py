"""What this machine itself shows: processes, load, connections."""
