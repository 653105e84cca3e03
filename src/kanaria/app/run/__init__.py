"""One run from its inputs to its analysis; ``pipeline`` is the page to read first."""
