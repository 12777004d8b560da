"""Every example of the README, the docs and the docstrings is a test."""

from tests.examples import collect_file as pytest_collect_file

__all__ = ["pytest_collect_file"]
