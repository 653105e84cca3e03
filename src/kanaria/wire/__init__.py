"""Order and identity of what crosses the wire: event-time slices, doubles, home networks."""
