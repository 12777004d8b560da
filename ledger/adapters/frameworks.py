"""The frameworks that adapters are written for: there or not, and in a release that was tested or not."""

from __future__ import annotations

import re
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from ledger.errors import FrameworkMissing

__all__ = ["UntestedFramework", "require"]


class UntestedFramework(UserWarning):
    """The installed release of a framework is none that the adapter was tested with."""


def require(distribution: str, module: str, *, extra: str, since: str, before: str) -> None:
    """Make sure that a framework can be imported; importing an adapter calls this first.

        require("openai-agents", "agents", extra="openai-agents", since="0.24", before="0.25")

    Args:
        distribution: as pip calls it.
        module: as Python calls it.
        extra: the ledger's extra that installs it.
        since: the first tested release.
        before: the first release behind those that were tested.

    Raises:
        FrameworkMissing: if it is not installed; the message is the command that installs it.

    Warns:
        UntestedFramework: if its release is outside the tested range.
    """
    try:
        found = version(distribution)
        missing = find_spec(module) is None
    except (PackageNotFoundError, ModuleNotFoundError):
        missing, found = True, ""
    if missing:
        raise FrameworkMissing(distribution, extra)
    import_module(module)
    if not _numbers(since) <= _numbers(found) < _numbers(before):
        warnings.warn(
            f"this adapter was tested with {distribution} from {since} up to, not including, {before}; "
            f"{found} is installed, and may keep its sessions otherwise",
            UntestedFramework,
            stacklevel=3,
        )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", release)[0]))
