"""Logon records of Windows, Linux and file servers: event and text logs to the ``logon`` table and its neighbours."""
