"""A notebook as diff, patch and merge compare it, and a digest by which a patch knows it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

from notebook_executor.documents.canonical import non_finite_places
from notebook_executor.documents.normalise import Noise, normalise
from notebook_executor.documents.output_text import TextDigests
from notebook_executor.documents.reading import parse_notebook
from notebook_executor.documents.writing import serialise
from notebook_executor.text import has_lone_surrogate, storable

if TYPE_CHECKING:
    from nbformat import NotebookNode

# Ids say which cells belong together: they stay, and are left out when cells are compared.
_NOISE = Noise(ids=False)
_LONG_TEXT = 4096


def comparable(nb: NotebookNode, *, noise: bool) -> NotebookNode:
    """A notebook as it is compared, which JSON and UTF-8 can hold; the given one stays as it is.

    NaN, which equals nothing, becomes null, and a lone surrogate U+FFFD.

    Args:
        nb: As ``read_notebook`` returns it.
        noise: Ids, counts, and what else differs from run to run, do count.
    """
    from nbformat import from_dict

    if not _is_plain(nb):
        nb = from_dict(storable(finite(nb)))
    return nb if noise else normalise(nb, _NOISE)


def finite(nb: NotebookNode) -> NotebookNode:
    """The notebook as a file of it reads: NaN and infinity are null."""
    return parse_notebook(serialise(nb), "notebook") if non_finite_places(nb) else nb


def ignored_fields(*, noise: bool) -> tuple[str, ...]:
    """The fields of a cell that are looked over."""
    return () if noise else ("id",)


def digest(
    nb: dict[str, Any], outputs_of: Container[int], texts: TextDigests, *, noise: bool
) -> str:
    """The SHA-256 of what has to be so for a patch to fit, or to have done what it should.

    Args:
        nb: As ``comparable`` returns it.
        outputs_of: The cells whose outputs count, by index. Those that a patch leaves alone
            may be any.
        texts: Digests of this notebook's texts that are known already.
        noise: Do ids count?
    """
    made = hashlib.sha256()
    for key in sorted(nb.keys() - {"cells"}):
        _feed([key, nb[key]], made.update, texts)
    left_out = ignored_fields(noise=noise)
    for index, cell in enumerate(nb["cells"]):
        fields = (key for key in cell if key not in left_out)
        counted = {k: cell[k] for k in fields if k != "outputs" or index in outputs_of}
        _feed(counted, made.update, texts)
    return made.hexdigest()


def _is_plain(value: Any) -> bool:
    """Whether JSON and UTF-8 can hold a value; one look at everything, so it is a quick one."""
    if isinstance(value, str):
        return value.isascii() or not has_lone_surrogate(value)
    if isinstance(value, dict):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, float) or math.isfinite(value)


def _feed(value: Any, update: Callable[[bytes], None], texts: TextDigests) -> None:
    """Tell a hash of a JSON value; of a long text its own hash."""
    if isinstance(value, str):
        if len(value) > _LONG_TEXT:
            update(b"#%s:" % texts.of(value).encode())
        else:
            data = value.encode()
            update(b'"%d:%s' % (len(data), data))
    elif isinstance(value, dict):
        update(b"{%d:" % len(value))
        for key in sorted(value):
            _feed(key, update, texts)
            _feed(value[key], update, texts)
    elif isinstance(value, list):
        update(b"[%d:" % len(value))
        for item in value:
            _feed(item, update, texts)
    else:
        update(json.dumps(value).encode() + b",")
