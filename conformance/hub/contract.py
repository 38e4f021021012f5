"""The OpenAPI document, as something to hold requests and answers against.

Nothing that the document says is said again in this program: routes, parameters, bodies, statuses
and the forms of answers are read from it. A document that could not be built on would be found
here first.

Source:
    OpenAPI 3.1.0. JSON Schema 2020-12. RFC 3986: percent-encoding, 2.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = Path(__file__).parents[2] / "docs" / "contracts" / "state-hub-roster.openapi.yaml"
JSON, PROBLEM = "application/json", "application/problem+json"
_METHODS = frozenset(("get", "put", "post", "delete", "options", "head", "patch", "trace"))
_NAMED = "urn:hub"


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class NotAsDocumented(Exception):
    """An answer that the document does not foresee."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    contract: Contract
    id: str
    path: str
    """The template, such as ``/repos/{slug}``."""
    method: str
    """In capitals."""

    @property
    def _told(self) -> Any:
        return self.contract.document["paths"][self.path][self.method.lower()]

    @property
    def needs_token(self) -> bool:
        """Whether it is for nobody without a token, whatever the hub is set up to."""
        ways = self._told.get("security", self.contract.document.get("security", [{}]))
        return {} not in ways

    @property
    def takes_body(self) -> bool:
        """Whether something is sent with it."""
        return "requestBody" in self._told

    def parameters(self, query: bytes, in_path: Mapping[str, bytes]) -> dict[str, Any]:
        """The parameters of a request, as values; those that were left out are missing.

        Args:
            query: What stands after the question mark, as it came.
            in_path: The parts of the path by name, as they came.

        Raises:
            Refused: One is not as the document has it. Names that it does not know are ignored.
        """
        try:
            pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:
            raise Refused(400, "the query is no percent-encoded UTF-8") from None
        found: dict[str, Any] = {}
        for number, told in enumerate(self._told.get("parameters", [])):
            name = told["name"]
            texts = [value for key, value in pairs if key == name]
            if told["in"] == "path":
                texts = [_text_of(in_path[name], name)]
            if len(texts) > 1:
                raise Refused(400, f"{name} is given twice")
            if texts:
                value = _value_of(texts[0], told["schema"].get("type"))
                self._hold(f"parameters/{number}/schema", value, name)
                found[name] = value
            elif told["required"]:
                raise Refused(400, f"{name} is missing")
        return found

    def body(self, content_type: str, data: bytes) -> Any:
        """The body of a request, as a value.

        Raises:
            Refused: It is of another media type, no JSON, or not as the document has it.
        """
        kind = media_type(content_type)
        known = self._told["requestBody"]["content"]
        if kind not in known:
            raise Refused(415, f"send {' or '.join(known)}")
        try:
            value = json.loads(data.decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
        except (ValueError, RecursionError):
            raise Refused(400, "the body is no JSON") from None
        self._hold(f"requestBody/content/{_key(kind)}/schema", value, "the body")
        return value

    def check_answer(self, status: int, content_type: str, data: bytes) -> None:
        """Hold an answer against what the document says of it.

        Raises:
            NotAsDocumented: The status, the media type or the value is not in the document.
        """
        kind, at = media_type(content_type), f"{self.id} {status}"
        told = self._told["responses"].get(str(status))
        if told is None:
            raise NotAsDocumented(f"{at}: no such status")
        where = f"{self._where}/responses/{status}"
        if "$ref" in told:
            where = told["$ref"]
            told = self.contract.resolve(where)
        content = told.get("content", {})
        if not content and not data and not kind:
            return
        if kind not in content:
            raise NotAsDocumented(f"{at}: {kind or 'no media type'}, not {', '.join(content)}")
        holds = self.contract.validator(f"{where}/content/{_key(kind)}/schema")
        for error in holds.iter_errors(json.loads(data)):
            raise NotAsDocumented(f"{at}: {error.json_path}: {error.message}")

    @property
    def _where(self) -> str:
        return f"#/paths/{_key(self.path)}/{self.method.lower()}"

    def _hold(self, schema: str, value: Any, name: str) -> None:
        for error in self.contract.validator(f"{self._where}/{schema}").iter_errors(value):
            place = error.json_path.removeprefix("$")
            # Only the first: a problem is one sentence for a person.
            raise Refused(400, f"{name}{place} is not as the document has it: {error.validator}")


class Contract:
    """The document, and what it is asked about."""

    def __init__(self, path: Path = DOCUMENT) -> None:
        self.document: Any = yaml.load(path.read_bytes(), yaml.CSafeLoader)
        self._registry: Registry[Any] = Registry().with_resource(
            _NAMED, DRAFT202012.create_resource(self.document)
        )
        self._validators: dict[str, Validator] = {}
        self.operations = tuple(
            Operation(self, told["operationId"], path, method.upper())
            for path, item in self.document["paths"].items()
            for method, told in item.items()
            if method in _METHODS
        )

    @property
    def base(self) -> str:
        """The path of the example server, beneath which everything stands."""
        url: str = self.document["servers"][0]["url"]
        return urlsplit(url).path.rstrip("/")

    def resolve(self, reference: str) -> Any:
        """What a reference within the document leads to."""
        found = self.document
        for key in reference.removeprefix("#/").split("/"):
            found = found[key.replace("~1", "/").replace("~0", "~")]
        return found

    def validator(self, at: str) -> Validator:
        """What holds values against the schema that stands at a place of the document."""
        if at not in self._validators:
            self._validators[at] = Draft202012Validator(
                {"$ref": f"{_NAMED}{at}"},
                registry=self._registry,
                format_checker=Draft202012Validator.FORMAT_CHECKER,
            )
        return self._validators[at]

    def problem_of(self, item: Any) -> str:
        """What is wrong with a repository, by the document; empty where nothing is."""
        for error in self.validator("#/components/schemas/Repo").iter_errors(item):
            return f"{error.json_path}: {error.message}"
        return ""

    def split(self, path: bytes) -> tuple[tuple[Operation, ...], dict[str, bytes]]:
        """The operations at an address, and the parts of its path by name.

        Args:
            path: The path beneath the base, percent-encoded: a slug may hold a ``/``.
        """
        for template in self.document["paths"]:
            if match := _pattern_of(template).fullmatch(path):
                at = tuple(each for each in self.operations if each.path == template)
                return at, match.groupdict()
        return (), {}


def media_type(content_type: str) -> str:
    """A media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def problem(status: int, detail: str) -> dict[str, Any]:
    """The body of a failure; RFC 9457."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def dumps(value: Any) -> bytes:
    """JSON as it is sent."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def _pattern_of(template: str) -> re.Pattern[bytes]:
    parts: Sequence[str] = re.split(r"\{(\w+)\}", template)
    shown = [
        f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
    ]
    return re.compile("".join(shown).encode("ascii"))


def _text_of(part: bytes, name: str) -> str:
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(400, f"{name} is no percent-encoded UTF-8") from None


def _value_of(text: str, kind: Any) -> Any:
    """A text as the type that its schema names; itself where it is none of that."""
    if kind == "integer" and re.fullmatch("-?[0-9]{1,18}", text):
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    if (number := float(text)) in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


def _key(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1")
