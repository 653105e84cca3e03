"""``python -m kanaria`` is the command line."""

from kanaria.app.cli import main

main()
