"""Runs llama.cpp's server in this process: weights, name, threads and key on the command line; the address is said.

A program of its own, because the engine is imported from a cache folder and lives and dies with the server.
"""

from __future__ import annotations

import sys
import time

CONTEXT = 8192


def main(weights: str, name: str, threads: str, key: str) -> None:
    """Serves until killed."""
    import xllamacpp  # type: ignore[import-not-found]

    settings = xllamacpp.CommonParams()
    settings.model.path = weights
    settings.model_alias = {name}
    settings.hostnames, settings.port, settings.api_keys = ["127.0.0.1"], 0, [key]
    settings.n_ctx, settings.n_parallel, settings.verbosity, settings.ui = CONTEXT, 1, 2, False
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = int(threads)
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
