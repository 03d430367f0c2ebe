"""Which commands the terminal may run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import field_validator

from notebook_executor.errors import ToolDeniedError, ToolError
from notebook_executor.models import Record

_ANY = "*"
_ANY_MORE = "**"
_SHELLS = ("bash", "sh")
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_EXPANDED = re.compile(r"\\.|[^$`]", re.DOTALL)
_OPERATOR = re.compile(r"[|&;<>()`$\n]")


class TerminalRules(Record):
    """Rules on the words of a command; ``*`` alone allows any, and a shell.

    Without ``*`` there is no shell: a command line is taken apart at its white space and quotes,
    and its words are what the program gets.

    Attributes:
        commands: Each a command line, whose words are patterns for one word each: ``git status``,
            ``ls *``. A last ``**`` stands for any further words, or none: ``git log **``. The
            program is a name, found on the PATH, or an absolute path; never a pattern.
    """

    commands: tuple[str, ...] = ()

    @field_validator("commands")
    @classmethod
    def _check(cls, commands: tuple[str, ...]) -> tuple[str, ...]:
        for rule in commands:
            if rule != _ANY:
                _check_rule(rule)
        return commands

    @property
    def any(self) -> bool:
        """Whether every command is allowed, and a shell."""
        return _ANY in self.commands

    def argv(self, command: str | Sequence[str], env: Mapping[str, str]) -> list[str]:
        """What to execute for a command.

        Args:
            command: A command line, or the words themselves, which then need no quotes.
            env: Whose PATH tells where programs are; relative folders on it do not count.

        Raises:
            ToolDeniedError: No rule allows it.
            ToolError: It is no command, or its program is not there.
        """
        if self.any and isinstance(command, str):
            return [_shell(env), "-c", command]
        words = _words(command) if isinstance(command, str) else list(command)
        if not words:
            raise ToolError("the command is empty")
        if not self.any and not any(_allows(rule, words) for rule in self.commands):
            raise _denied(words, self.commands)
        return [_program(words[0], env), *words[1:]]


def _check_rule(rule: str) -> None:
    try:
        words = shlex.split(rule)
    except ValueError as error:
        raise ValueError(f"{rule!r}: {error}") from None
    if not words:
        raise ValueError("a command rule is empty")
    if set(words[0]) & set("*?["):
        raise ValueError(f"{rule!r}: the program must be named; '*' alone allows any command")
    if os.sep in words[0] and not Path(words[0]).is_absolute():
        raise ValueError(f"{rule!r}: a program is a name, or an absolute path")
    if _ANY_MORE in words[:-1]:
        raise ValueError(f"{rule!r}: '**' can only be the last word")


def _allows(rule: str, words: Sequence[str]) -> bool:
    program, *patterns = shlex.split(rule)
    arguments = words[1:]
    if patterns[-1:] == [_ANY_MORE]:
        patterns.pop()
        if len(arguments) < len(patterns):
            return False
        arguments = arguments[: len(patterns)]
    return (
        words[0] == program
        and len(arguments) == len(patterns)
        and all(map(fnmatchcase, arguments, patterns))
    )


def _denied(words: Sequence[str], rules: Sequence[str]) -> ToolDeniedError:
    allowed = ", ".join(map(repr, rules)) or "none"
    return ToolDeniedError(
        f"the policy does not allow the command {shlex.join(words)!r}",
        hint=f"terminal.commands: {allowed}",
    )


def _words(command: str) -> list[str]:
    """The words of a command line that no shell will see.

    Raises:
        ToolDeniedError: It means something to a shell, which it would not mean here.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ToolError(f"the command cannot be taken apart: {error}") from None
    found = _OPERATOR.search(_QUOTED.sub(_unquoted, command.strip()))
    if found:
        raise ToolDeniedError(
            f"the command needs a shell, for {found[0]!r}, and the policy allows none",
            hint="Quote what is meant literally; the rule '*' alone allows a shell.",
        )
    return words


def _unquoted(quoted: re.Match[str]) -> str:
    """What a shell would still see of something quoted."""
    text = quoted[0]
    return _EXPANDED.sub("", text) if text.startswith('"') else ""


def _shell(env: Mapping[str, str]) -> str:
    for name in _SHELLS:
        path = _found(name, env)
        if path is not None:
            return path
    raise ToolError("there is no shell on the PATH")


def _program(name: str, env: Mapping[str, str]) -> str:
    path = name if Path(name).is_absolute() else _found(name, env)
    if path is None:
        raise ToolError(f"there is no program {name!r} on the PATH")
    return path


def _found(name: str, env: Mapping[str, str]) -> str | None:
    """Where a program is; where the notebook could put one of its own, nobody looks."""
    folders = filter(os.path.isabs, env.get("PATH", os.defpath).split(os.pathsep))
    return shutil.which(name, path=os.pathsep.join(folders)) if os.sep not in name else None
