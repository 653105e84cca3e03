"""Where bytes come from: files, directories, globs, archives of rotated logs, standard input; each as a Stream."""
