"""Commands of the service: serve, and what looks after it."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option("--config", type=click.Path(path_type=Path), help="Settings file.")


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Watch day and night, remember, and notify somebody when it matters.

    Example: kanaria serve --config /etc/kanaria/kanaria.toml
    """
    from kanaria.app.config import load
    from kanaria.app.folders import data_folder
    from kanaria.app.live.service import Service, ended_by_signals
    from kanaria.core.errors import ConfigError

    settings = load(config)
    if not settings.sources:
        raise ConfigError(
            path=str(config or "kanaria.toml"), key="sources", expected="something to watch", got="nothing",
            cause="kanaria init writes a settings file with what this machine has",
        )  # fmt: skip
    service = Service(settings, Path(settings.store) if settings.store else data_folder())
    with ended_by_signals(service):
        service.run()
