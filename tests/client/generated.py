"""The generated files of `rollcall_client`: its operations and their types. `make client` writes them."""

import os
import re
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any

from rollcall_client.exchange import is_text

HERE = Path(__file__).parents[2] / "rollcall_client"
NAMES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}

Document = Mapping[str, Any]


def snake(name: str) -> str:
    """Return `listMyAssignments` as `list_my_assignments`, and `If-Match` as `if_match`."""
    found = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return f"{found}_" if iskeyword(found) else found


def listed(document: Document) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield each operation: its method's name, HTTP method, path and description. By name."""
    found = [
        (snake(operation["operationId"]), method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    yield from sorted(found, key=lambda one: one[0])


def operations(document: Document) -> str:
    """Return `operations.py`."""
    lines = [
        '"""Every operation of the API, generated from its OpenAPI document by `make client`."""',
        "",
        "from typing import NamedTuple",
        "",
        "",
        "class Operation(NamedTuple):",
        '    """An operation. query: its parameters by their names here. once: takes `Idempotency-Key`."""',
        "",
        "    method: str",
        "    path: str",
        "    query: dict[str, str]",
        "    once: bool = False",
        "",
        "",
        "# fmt: off",
        "OPERATIONS = {",
    ]
    for name, method, path, operation in listed(document):
        parameters = operation.get("parameters", ())
        query = {snake(one["name"]): one["name"] for one in parameters if one["in"] == "query"}
        once = any(one["name"] == "Idempotency-Key" for one in parameters)
        lines.append(f'    "{name}": Operation("{method}", "{path}", {query}, {once}),  # noqa: E501')
    return "\n".join([*lines, "}", '"""By the name of the method."""', ""])


def stub(document: Document) -> str:
    """Return `__init__.pyi`."""
    lines = [
        '"""The types of the clients, generated from the OpenAPI document by `make client`."""',
        "# fmt: off",
        "from collections.abc import AsyncIterator, Callable, Iterator, Mapping",
        "from typing import Any, Literal, NotRequired, Self, TypedDict",
        "",
        "import httpx2",
        "",
        "class ApiError(Exception):",
        "    status: int",
        "    problem: Mapping[str, Any]",
        "    request_id: str | None",
        "    url: str",
        "    @property",
        "    def slug(self) -> str: ...",
        "",
        "class Unreachable(Exception): ...",
        "",
    ]
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += _model(name, schema)
    for name, http, extra, prefix in (
        ("Client", "httpx2.Client", ", sleep: Callable[[float], None] = ...", ""),
        ("AsyncClient", "httpx2.AsyncClient", "", "async "),
    ):
        lines += _client(document, name, http, extra, prefix)
    return "\n".join([*lines, ""])


def _model(name: str, schema: Mapping[str, Any]) -> list[str]:
    fields = schema.get("properties")
    if not fields:
        return [f"{name} = {typed(schema)}", ""]
    needed = schema.get("required", ())
    told = [(field, typed(one)) for field, one in fields.items()]
    entries = ", ".join(f'"{field}": {kind if field in needed else f"NotRequired[{kind}]"}' for field, kind in told)
    return [f'{name} = TypedDict("{name}", {{{entries}}})', ""]


def _client(document: Document, name: str, http: str, extra: str, prefix: str) -> list[str]:
    among = "AsyncIterator" if prefix else "Iterator"
    a = "a" if prefix else ""
    lines = [
        f"class {name}:",
        f"    http: {http}",
        f"    def __init__(self, url: str, token: str, *, http: {http} | None = ...{extra}) -> None: ...",
        f"    {prefix}def __{a}enter__(self) -> Self: ...",
        f"    {prefix}def __{a}exit__(self, *_: object) -> None: ...",
        f"    def each(self, name: str, *args: Any, **given: Any) -> {among}[Any]: ...",
        f"    {prefix}def send(self, sent: Any) -> Any: ...",
        f"    {prefix}def wait(self, job: JobAnswer) -> JobAnswer: ...",
    ]
    for method, _, path, operation in listed(document):
        parameters = operation.get("parameters", ())
        inside = [f"{each}: str" for each in re.findall(r"{(\w+)}", path)]
        body, told = _body(operation)
        named = [f"{snake(one['name'])}: {optional(one['schema'])} = ..." for one in parameters if one["in"] != "path"]
        named = [*told, *named]
        taken = ", ".join(["self", *inside, *body, *(["*", *named] if named else [])])
        lines.append(f"    {prefix}def {method}({taken}) -> {_answer(operation)}: ...")
    return [*lines, ""]


def _body(operation: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the parameter of the body, and that of its media type where it is a file and never JSON."""
    asked = operation.get("requestBody", {})
    content = asked.get("content", {})
    if content and "application/json" not in content:
        return ["body: bytes"], [f"content_type: Literal[{', '.join(map(repr, content))}]"]
    if not content:
        return [], []
    kind, rest = (typed, "") if asked.get("required") else (optional, " = ...")
    return [f"body: {kind(content['application/json']['schema'])}{rest}"], []


def _answer(operation: Mapping[str, Any]) -> str:
    good = [answer for status, answer in operation["responses"].items() if status < "300"]
    content: Mapping[str, Any] = next((one["content"] for one in good if one.get("content")), {})
    if not content:
        return "None"
    if "application/json" in content:
        return typed(content["application/json"]["schema"])
    return " | ".join(sorted({"str" if is_text(kind.partition(";")[0]) else "bytes" for kind in content}))


def typed(schema: Any) -> str:
    """Return a schema as a type of Python."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum") or [schema["const"]]
        return f"Literal[{', '.join(repr(value) for value in values)}]"
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(typed(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list[{typed(schema.get('items', {}))}]"
    return NAMES.get(schema.get("type", ""), "Any")


def optional(schema: Any) -> str:
    """Return a schema as a type that may also be None."""
    found = typed(schema)
    return found if found.endswith("None") else f"{found} | None"


def document() -> Document:
    """Return the OpenAPI document of the program as it is, without a database."""
    os.environ.setdefault("ROLLCALL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    os.environ.setdefault("ROLLCALL_REDIS_URL", "redis://127.0.0.1:1/0")
    os.environ.setdefault("ROLLCALL_JWT_SECRET", "x" * 40)
    from api.app import create_app

    return create_app().openapi()


def files(described: Document) -> dict[Path, str]:
    """Return the content of each generated file."""
    return {HERE / "operations.py": operations(described), HERE / "__init__.pyi": stub(described)}


if __name__ == "__main__":
    for path, text in files(document()).items():
        path.write_text(text, encoding="utf-8")
        print(f"Wrote {path.name}.")
