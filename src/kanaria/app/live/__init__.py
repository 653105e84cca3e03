"""The service: what it watches, how it judges and notifies, and how it looks after itself."""
