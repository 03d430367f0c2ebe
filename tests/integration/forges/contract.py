"""What a forge's published description of its API says of a request, and of an answer to it.

Reads the extracts beside this file: OpenAPI 2 (Gitea's) and 3 (GitHub's).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator  # type: ignore[import-untyped]

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Operation:
    """One operation of the description.

    Attributes:
        query: The schema of each parameter of the address.
        body: The schema of the request; None: it has none.
        form: The fields of its form.
        answers: For each status the schema of the answer; None where that is not described.
    """

    name: str
    method: str
    pattern: re.Pattern[str]
    query: dict[str, dict[str, Any]]
    body: dict[str, Any] | None
    form: frozenset[str]
    answers: dict[int, dict[str, Any] | None]

    @property
    def public(self) -> bool:
        """Whether it answers to everybody."""
        return self.name in ("getVersion", "meta/get")


class Contract:
    """All operations of an extract."""

    def __init__(self, name: str) -> None:
        self._document = json.loads((_HERE / f"{name}.json").read_text("utf-8"))
        self.operations = [
            self._operation(path, method, described)
            for path, methods in self._document["paths"].items()
            for method, described in methods.items()
        ]

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a path, below the API's base, is of."""
        for operation in self.operations:
            if operation.method == method and operation.pattern.fullmatch(path):
                return operation
        return None

    def _operation(self, path: str, method: str, described: dict[str, Any]) -> Operation:
        given = described["parameters"]
        query = {
            one["name"]: self._schema(one.get("schema", one))
            for one in given
            if one["in"] == "query"
        }
        body = next((one["schema"] for one in given if one["in"] == "body"), None)
        if "requestBody" in described:
            body = described["requestBody"]["content"]["application/json"]["schema"]
        return Operation(
            name=described["operationId"],
            method=method.upper(),
            pattern=re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path))),
            query=query,
            body=None if body is None else self._schema(body),
            form=frozenset(one["name"] for one in given if one["in"] == "formData"),
            answers={int(code): self._answer(one) for code, one in described["responses"].items()},
        )

    def _answer(self, described: dict[str, Any]) -> dict[str, Any] | None:
        found = self._followed(described)
        if "content" in found:
            found = found["content"]["application/json"]
        return self._schema(found["schema"]) if "schema" in found else None

    def _followed(self, value: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in value:
            found: Any = self._document
            for step in value["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            value = found
        return value

    def _schema(self, value: dict[str, Any]) -> dict[str, Any]:
        """The JSON Schema that is meant: whole, and strict with names that it does not have."""
        found = dict(self._followed(value))
        for key in ("name", "in", "required", "collectionFormat"):
            if key != "required" or isinstance(found.get(key), bool):
                found.pop(key, None)
        if "properties" in found:
            parts = found["properties"].items()
            found["properties"] = {name: self._schema(part) for name, part in parts}
            found["additionalProperties"] = False
        if "items" in found:
            found["items"] = self._schema(found["items"])
        if found.pop("nullable", False):
            found["type"] = [found["type"], "null"]
        return found


def problems(value: Any, schema: dict[str, Any]) -> list[str]:
    """What is wrong with a value, each with its place."""
    found = Draft7Validator(schema).iter_errors(value)
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message}" for one in found]


def typed(text: str, schema: dict[str, Any]) -> Any:
    """A parameter of an address as the value that its schema speaks of."""
    return int(text) if schema.get("type") == "integer" and text.isdigit() else text
