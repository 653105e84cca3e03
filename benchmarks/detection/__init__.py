"""How well mining is found in traffic from sources never trained on. Run: ``python -m benchmarks.detection``."""
