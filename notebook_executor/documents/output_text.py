"""What outputs, attachments and metadata say, as lines that can be compared; never base64."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from notebook_executor.text import plain

_LONGEST_LINE = 500


class TextDigests:
    """SHA-256 of texts, each taken once however often it is asked for.

    Long texts are known by where they are in memory, and kept there.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, str]] = {}

    def of(self, text: str) -> str:
        """The digest in hexadecimal digits."""
        found = self._known.get(id(text))
        if found is None:
            data = text.encode("utf-8", "surrogatepass")
            found = self._known[id(text)] = (text, hashlib.sha256(data).hexdigest())
        return found[1]


def outputs_text(outputs: Iterable[Mapping[str, Any]], texts: TextDigests | None = None) -> str:
    """The outputs of a cell: texts as they are, the rest by type, size and digest.

    Args:
        outputs: The outputs.
        texts: Digests of their texts that are known already.
    """
    digests = texts or TextDigests()
    return "\n".join(line for output in outputs for line in _output(output, digests))


def _output(output: Mapping[str, Any], texts: TextDigests) -> Iterator[str]:
    kind = output["output_type"]
    if kind == "stream":
        yield f"[{output['name']}]"
        yield from text_lines(output["text"])
    elif kind == "error":
        yield f"[error] {plain(output['ename'])}: {plain(output['evalue'])}"
        yield from text_lines("\n".join(output["traceback"]))
    else:
        yield from _bundle(output["data"], texts)
        if output["metadata"]:
            yield from text_lines(metadata_text(output["metadata"]))


def _bundle(bundle: Mapping[str, Any], texts: TextDigests) -> Iterator[str]:
    for mime in sorted(bundle):
        value = bundle[mime]
        if isinstance(value, str) and mime.startswith("text/"):
            yield f"[{mime}]"
            yield from text_lines(value)
        elif isinstance(value, str):
            yield f"[{mime}, {described(value, texts)}]"
        else:
            yield f"[{mime}]"
            yield from text_lines(_json(value))


def described(value: str, texts: TextDigests | None = None) -> str:
    """The size and digest of a text that nobody reads."""
    size = len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    return f"{size:,} bytes, sha256 {(texts or TextDigests()).of(value)[:12]}"


def text_lines(text: str) -> Iterator[str]:
    """The lines of a text, plain; the end of a long one is told by size and digest."""
    for line in plain(text).splitlines():
        if len(line) > _LONGEST_LINE:
            yield f"{line[:_LONGEST_LINE]}… ({described(line)})"
        else:
            yield line


def metadata_text(metadata: Mapping[str, Any]) -> str:
    return f"{_json(metadata)}\n" if metadata else ""


def bundles_text(attachments: Mapping[str, Mapping[str, Any]]) -> str:
    """Attachments by their names."""
    return "".join(
        f"[{name}]\n" + "".join(f"{line}\n" for line in _bundle(attachments[name], TextDigests()))
        for name in sorted(attachments)
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
