"""The version, which files tell."""

__version__ = "0.1.0"
