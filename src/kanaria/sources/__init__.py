"""Where bytes come from: files, directories, globs, archives of rotated logs, standard input; each as a Stream."""

from kanaria.sources._inputs import open_inputs, standard_input
from kanaria.sources._memory import text_stream, total_size

__all__ = ["open_inputs", "standard_input", "text_stream", "total_size"]
