"""Which saves `ledger log` tells: by what they changed, who made them, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

if TYPE_CHECKING:
    from ledger.domain.events import Event

__all__ = ["SaveFilter", "save_filters"]

Command = TypeVar("Command", bound=Callable[..., Any])

_QUESTION = "question_"


@dataclass(frozen=True, slots=True)
class SaveFilter:
    """What a save must have one of, and what it must have none of; empty tuples choose nothing."""

    types: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    not_types: tuple[str, ...] = ()
    not_writers: tuple[str, ...] = ()
    not_texts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    def takes(self, event: Event) -> bool:
        """Tell whether a save is among those that are asked for."""
        return self._takes_writer(event) and self._takes_types(event) and self._takes_texts(event)

    def _takes_writer(self, event: Event) -> bool:
        return event.writer not in self.not_writers and (not self.writers or event.writer in self.writers)

    def _takes_types(self, event: Event) -> bool:
        if not (self.types or self.not_types):
            return True
        names = {"stale"} if event.is_stale else set[str]()
        names = names.union(*(_names(change.type) for change in event.changes))
        return names.isdisjoint(self.not_types) and (not self.types or not names.isdisjoint(self.types))

    def _takes_texts(self, event: Event) -> bool:
        if not (self.texts or self.not_texts):
            return True
        said = "\n".join(_texts([change.model_dump(mode="json", exclude={"type"}) for change in event.changes]))
        said = said.casefold()
        if any(text.casefold() in said for text in self.not_texts):
            return False
        return not self.texts or any(text.casefold() in said for text in self.texts)


def _texts(value: Any) -> Iterator[str]:
    """Give every text in it, at any depth, and numbers as they are written."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Iterable):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)


def _names(kind: str) -> set[str]:
    """Give what a type of change goes by: its name, the part of the session, and of a question what became of it.

    >>> sorted(_names("question_asked"))
    ['asked', 'question', 'question_asked']
    """
    part, _, happened = kind.partition("_")
    names = {kind, part.removesuffix("s")} - {"change"}
    return names | {happened} if part in {"question", "change"} else names


def _checked_types(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a type of change that there is not, and name those that there are."""
    if not value:
        return value
    from ledger.domain.events import Change

    types = (kind.model_fields["type"].default for kind in get_args(get_args(Change)[0]))
    known = {"stale"}.union(*(_names(kind) for kind in types))
    for name in value:
        if name not in known:
            short = ", ".join(sorted(each for each in known if "_" not in each))
            says = f"{name!r} is no type of change. Short names: {short}; or a whole one, such as message_revised."
            raise click.BadParameter(says, context, parameter)
    return value


_OPTIONS: dict[str, tuple[str, str, str]] = {
    "type": ("TYPE", "that changed this: question, asked, message, title, stale, …", "that changed none of this"),
    "writer": ("NAME", "by this writer", "by anyone but this writer"),
    "text": ("TEXT", "with this in them, in capitals or not", "without this in them"),
}


def save_filters(command: Command) -> Command:
    """Add the options that choose saves to a command, which gets them as `chosen`."""

    @wraps(command)
    def choosing(*arguments: Any, **keywords: Any) -> Any:
        chosen = {name: keywords.pop(name) for name in SaveFilter.__slots__}
        return command(*arguments, chosen=SaveFilter(**chosen), **keywords)

    for name, (metavar, takes, leaves) in reversed(_OPTIONS.items()):
        for option, variable, what in ((f"--not-{name}", f"not_{name}s", leaves), (f"--{name}", f"{name}s", takes)):
            choosing = click.option(
                option,
                variable,
                metavar=metavar,
                multiple=True,
                callback=_checked_types if name == "type" else None,
                help=f"Only saves {what}. May be repeated.",
            )(choosing)
    return choosing  # type: ignore[return-value]  # it is called as the command is, by click
