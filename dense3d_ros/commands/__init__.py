"""Subcommands of `dense3d`. Every module here is one, by its name.

A module has a docstring (what `--help` shows), `SUMMARY` (its line in `dense3d --help`), `add_arguments(parser)`
and `run(arguments) -> int`, the exit status. A ValueError or OSError of `run` becomes one line and status 2. What
takes long to import is imported inside `run`, so that `dense3d --help` answers at once.
"""
