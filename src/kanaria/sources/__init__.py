"""Where bytes come from: files, directories, globs, archives of rotated logs, standard input; each as a Stream."""

from kanaria.sources._inputs import open_inputs

__all__ = ["open_inputs"]
