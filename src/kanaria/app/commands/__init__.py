"""The command line: one module a command, each of them wiring only."""
