"""Secrets that a notebook gives away: well-known tokens, and assignments of what looks random.

A finding names the kind and the place. The secret itself is in no message.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_executor.documents.issues import Issue

if TYPE_CHECKING:
    from nbformat import NotebookNode


class _Token(NamedTuple):
    """A kind of secret: texts of which one is in it, and its whole form.

    No form begins at two places of a run of the same characters: searching stays linear.
    """

    kind: str
    marks: tuple[str, ...]
    form: re.Pattern[str]


def _token(kind: str, marks: str, form: str) -> _Token:
    return _Token(kind, tuple(marks.split()), re.compile(form))


_TOKENS = (
    _token("an AWS access key", "AKIA ASIA", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    _token("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b"),
    _token("a GitHub token", "github_pat_", r"\bgithub_pat_\w{50,255}\b"),
    _token("a GitLab token", "glpat-", r"\bglpat-[\w-]{20}"),
    _token("a Slack token", "xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10}"),
    _token(
        "a Slack webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/services/T[A-Z0-9]{1,20}/B[A-Z0-9]{1,20}/[A-Za-z0-9]{20}",
    ),
    _token("a Google API key", "AIza", r"\bAIza[\w-]{35}"),
    _token("an OpenAI or Anthropic key", "sk-", r"\bsk-[\w-]{32}"),
    _token("a Stripe key", "k_live_", r"\b[rs]k_live_[0-9A-Za-z]{20}"),
    _token("a Hugging Face token", "hf_", r"\bhf_[A-Za-z0-9]{30}"),
    _token("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _token("a PyPI token", "pypi-AgEI", r"\bpypi-AgEI[\w-]{50}"),
    _token("a SendGrid key", "SG.", r"\bSG\.[\w-]{16,64}\.[\w-]{30}"),
    _token(
        "a JSON web token",
        "eyJ",
        r"(?<![\w.-])eyJ[\w-]{10,4000}\.eyJ[\w-]{10,20000}\.[\w-]{10}",
    ),
    _token(
        "a private key", "PRIVATE", r"-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    ),
    _token(
        "a password in an address",
        "://",
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://"
        r"[^\s:/@'\"{}<$]{1,100}:[^\s:/@'\"{}<$*]{3,100}@",
    ),
)
_ASSIGNED = re.compile(
    r"(?<![^\W_])(?:api_?)?(?:key|token|secret|password|passwd|credential|auth|bearer)s?(?![^\W_])"
    r"[\w.-]{0,40}[\"']?\]?[ \t]{0,20}(?::[ \t]{0,5}\w{1,20}[ \t]{0,5})?[=:][ \t]{0,20}"
    r"(?P<quote>[\"']?)(?P<value>[^\s\"']{16,256})(?P=quote)",
    re.IGNORECASE,
)
_LEAST_ENTROPY = 3.5  # bits a character: words have about 3, random base64 of that length over 4
_LONGEST = 2_000_000  # characters of a text that are looked at


class _Text(NamedTuple):
    code: str
    place: str
    cell_index: int | None
    text: str


def check_leaks(nb: NotebookNode) -> Iterator[Issue]:
    """What looks like a secret, one issue for each kind and text.

    Args:
        nb: A notebook as ``read_notebook`` returns it.
    """
    for code, place, cell_index, text in _texts(nb):
        for kind, line in _found(text[:_LONGEST]).items():
            where = line if code == "secret_in_source" else None
            message = f"this looks like {kind}"
            yield Issue.of(code, message, cell_index=cell_index, line=where, place=place)


def _texts(nb: NotebookNode) -> Iterator[_Text]:
    for index, cell in enumerate(nb.cells):
        yield _Text("secret_in_source", f"cells[{index}].source", index, cell.source)
        for number, output in enumerate(cell.get("outputs", [])):
            place = f"cells[{index}].outputs[{number}]"
            for text in _output_texts(output):
                yield _Text("secret_in_output", place, index, text)
    parameters = nb.metadata.get("papermill")
    if isinstance(parameters, Mapping) and parameters.get("parameters"):
        text = json.dumps(parameters["parameters"], default=str)
        yield _Text("secret_in_output", "metadata.papermill.parameters", None, text)


def _output_texts(output: Mapping[str, Any]) -> Iterator[str]:
    if output["output_type"] == "stream":
        yield output["text"]
    elif output["output_type"] == "error":
        yield "\n".join([output["evalue"], *output["traceback"]])
    else:
        for mime, value in output["data"].items():
            if isinstance(value, str) and mime.startswith("text/"):
                yield value
            elif "json" in mime:
                yield json.dumps(value, default=str)


def _found(text: str) -> dict[str, int]:
    """Kinds of secrets in a text, each with the first line it is in."""
    found: dict[str, int] = {}
    for kind, marks, form in _TOKENS:
        if any(mark in text for mark in marks) and (match := form.search(text)):
            found.setdefault(kind, _line(text, match))
    if not found:
        for match in _ASSIGNED.finditer(text):
            if _is_random(match["value"]):
                return {"a random value in a name for secrets": _line(text, match)}
    return found


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


def _is_random(value: str) -> bool:
    if not any(c.isdigit() for c in value) or not any(c.isalpha() for c in value):
        return False
    if any(c in value for c in "()[]{}<>$%*…"):  # a call, a placeholder, a template
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return entropy >= _LEAST_ENTROPY
