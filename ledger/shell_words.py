"""What a message tells to type: an id as a shell takes it, whatever is in it."""

from __future__ import annotations

import shlex

__all__ = ["quoted", "spoken"]


def quoted(word: str) -> str:
    r"""Give a word for a shell. Where a terminal would not show all of it, it is spelled out, as bash and zsh read it.

    >>> quoted("support-1")
    'support-1'
    >>> quoted("call_1#0")
    'call_1#0'
    >>> quoted("a chat")
    "'a chat'"
    >>> print(quoted("red\x1b[31m"))
    $'red\u001b[31m'
    """
    if word.isprintable():
        # Inside a word, "#" begins no comment: the id of a question can stand as it is.
        plain = word[:1] + word[1:].replace("#", "")
        return word if shlex.quote(plain) == plain else shlex.quote(word)
    return "$'" + "".join(map(_spelled, word)) + "'"


def spoken(named: str) -> str:
    """Give a word that is no option, though it may begin like one.

    >>> spoken("-1")
    '-- -1'
    """
    return f"-- {quoted(named)}" if named.startswith("-") else quoted(named)


def _spelled(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - what Python makes of a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - where four digits end
