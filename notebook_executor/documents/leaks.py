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

_TOKENS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})\b",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Slack webhook": r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "an OpenAI or Anthropic key": r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,}",
    "a Stripe key": r"\b[rs]k_live_[0-9A-Za-z]{20,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": r"\bpypi-AgEI[A-Za-z0-9_-]{50,}",
    "a SendGrid key": r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a password in an address": r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\"{}<$]+:[^\s:/@'\"{}<$*]{3,}@",
}
_ANY_TOKEN = re.compile(
    "|".join(f"(?P<t{number}>{pattern})" for number, pattern in enumerate(_TOKENS.values()))
)
_KINDS = list(_TOKENS)
_ASSIGNED = re.compile(
    r"(?P<name>[A-Za-z][\w.-]*)[\"']?\]?\s*(?::\s*\w+\s*)?[=:]\s*"
    r"(?P<quote>[\"']?)(?P<value>[^\s\"']{16,256})(?P=quote)"
)
_SECRET_WORDS = re.compile(
    r"(?:^|[_.-])(?:api_?)?(?:key|token|secret|password|passwd|credential|auth|bearer)s?(?:$|[_.-])",
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
    for match in _ANY_TOKEN.finditer(text):
        kind = _KINDS[int(str(match.lastgroup)[1:])]
        found.setdefault(kind, text.count("\n", 0, match.start()) + 1)
    if not found:
        for match in _ASSIGNED.finditer(text):
            if _SECRET_WORDS.search(match["name"]) and _is_random(match["value"]):
                found.setdefault(
                    "a random value in a name for secrets", text.count("\n", 0, match.start()) + 1
                )
    return found


def _is_random(value: str) -> bool:
    if not any(c.isdigit() for c in value) or not any(c.isalpha() for c in value):
        return False
    if any(c in value for c in "()[]{}<>$%*…"):  # a call, a placeholder, a template
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return entropy >= _LEAST_ENTROPY
