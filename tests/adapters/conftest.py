"""The databases of the contract, for adapters: each of them is to do the same on every one."""

from tests.contract.conftest import backend, tmp_path, url

__all__ = ["backend", "tmp_path", "url"]
