"""Which cell an edit means, and whether it is still the one that its editor saw."""

from __future__ import annotations

import difflib

from notebook_executor.documents.cells import source_hash, tags
from notebook_executor.documents.draft import Draft, DraftCell, joined
from notebook_executor.errors import DocumentError, StaleEditError
from notebook_executor.text import clip, one_line

_SHOWN_SOURCE = 2000
_SHOWN_LINE = 60


class Seen:
    """The notebook as it was before the batch, which is what addresses and hashes speak of."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        contents = [(cell, cell.content) for cell in draft.seen]
        self._hashes = {cell: source_hash(joined(c["source"])) for cell, c in contents}
        self._tags = {cell: tags(content) for cell, content in contents}

    def find(self, address: str | int) -> DraftCell:
        """The cell that goes by an address: an id, else ``tag:NAME``, else an index.

        Raises:
            DocumentError: None does, several do, or an edit before has taken it out;
                ``details["kind"]`` is ``not_found`` or ``ambiguous``.
        """
        found = self._found(address)
        if found is None:
            raise self._unknown(str(address))
        if found not in self._draft.cells:
            raise DocumentError(
                f"the cell {address!r} has been taken out by an edit before",
                kind="not_found",
                address=address,
            )
        return found

    def _found(self, address: str | int) -> DraftCell | None:
        if isinstance(address, str):
            named = self._draft.named(address) or self._seen_named(address)
            if named is not None:
                return named
            if address.startswith("tag:"):
                return self._tagged(address.removeprefix("tag:"))
            if not (address.isascii() and address.isdigit()):
                return None
        index = int(address)
        return self._draft.seen[index] if 0 <= index < len(self._draft.seen) else None

    def _seen_named(self, name: str) -> DraftCell | None:
        return next((cell for cell in self._draft.seen if cell.name == name), None)

    def _tagged(self, tag: str) -> DraftCell | None:
        found = [cell for cell in self._draft.seen if tag in self._tags[cell]]
        if len(found) < 2:
            return found[0] if found else None
        raise DocumentError(
            f"{len(found)} cells have the tag {tag!r}: {', '.join(map(self._told, found))}",
            hint="Name one of them by its id.",
            kind="ambiguous",
            address=f"tag:{tag}",
            candidates=[cell.name for cell in found],
        )

    def _told(self, cell: DraftCell) -> str:
        index = self._draft.seen.index(cell)
        return f"[{index}] {cell.name} ({one_line(cell.source, _SHOWN_LINE)})"

    def _unknown(self, address: str) -> DocumentError:
        known = {tag: f"tag:{tag}" for found in self._tags.values() for tag in found}
        if not address.startswith("tag:"):
            known |= {cell.name: cell.name for cell in self._draft.cells}
        close = difflib.get_close_matches(address.removeprefix("tag:"), known, n=3)
        hint = "An address is a cell's id, tag:NAME, or an index that starts at 0."
        return DocumentError(
            f"no cell {address!r} in a notebook of {len(self._draft.seen)} cells",
            hint=f"Did you mean {' or '.join(known[name] for name in close)}?" if close else hint,
            kind="not_found",
            address=address,
        )

    def check(self, cell: DraftCell, if_hash: str | None) -> None:
        """Refuse a cell whose source is another than the editor saw.

        Raises:
            StaleEditError: It is; ``details`` hold the present ``source`` and ``hash``.
        """
        if if_hash is None or if_hash in (self._hashes.get(cell), cell.hash):
            return
        raise StaleEditError(
            f"the cell {cell.name!r} is not what the edit was made for: its hash is "
            f"{cell.hash}, not {if_hash}. It reads now:\n{clip(cell.source, _SHOWN_SOURCE)}",
            hint="Look at it again, and give the hash that it has now.",
            kind="stale",
            cell=cell.name,
            source=cell.source,
            hash=cell.hash,
        )
