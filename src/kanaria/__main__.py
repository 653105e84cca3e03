"""``python -m kanaria`` is the command line."""

from kanaria.app.commands.main import main

main()
