"""What mining programs write about themselves, in files of their own and in every system log."""
