"""Configuration, the pipeline and the command line: the only package that knows every stage."""
