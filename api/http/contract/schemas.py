"""The schemas of the document as other programs need them: names without modules, 3.1's words, whole numbers."""

import re
from typing import Any

_OF_MODULE = re.compile(r"(?:api__v1|shared)__(?P<noun>\w+?)(?:__\w+)?__(?P<name>[A-Za-z]+)")
_LISTING = re.compile(r"Listing_(?P<item>\w+?)(?:Answer)?_")

EXACT = 2**53
"""Whole numbers below are exact as floating point, in which FastAPI writes bounds."""


def tidy(document: dict[str, Any]) -> None:
    """Rename and correct the schemas of a document in place."""
    schemas = document.get("components", {}).get("schemas", {})
    names = {name: renamed(name) for name in schemas}
    assert len(set(names.values())) == len(names), "two schemas would get one name"
    document["components"]["schemas"] = {names[name]: schema for name, schema in schemas.items()}
    _correct(document, {f"#/components/schemas/{name}": f"#/components/schemas/{to}" for name, to in names.items()})
    for name, schema in document["components"]["schemas"].items():
        schema["title"] = name


def renamed(name: str) -> str:
    """Return the name of a schema for other programs: `shared__licences__queries__Sort` is `LicenceSort`."""
    if found := _LISTING.fullmatch(name):
        return f"{found['item']}List"
    if found := _OF_MODULE.fullmatch(name):
        noun = found["noun"].removesuffix("s").removesuffix("ie") + ("y" if found["noun"].endswith("ies") else "")
        return noun.title().replace("_", "") + found["name"]
    return name


def _correct(node: Any, references: dict[str, str]) -> None:
    """Correct everything below a node in place."""
    if isinstance(node, list):
        for each in node:
            _correct(each, references)
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        node["$ref"] = references.get(node["$ref"], node["$ref"])
    if "itemSchema" in node:  # a word of OpenAPI 3.2, for streams
        node.pop("itemSchema")
        node["schema"] = {"type": "string", "description": "Server-sent events, which end with the job."}
    if str(node.get("title", "")).startswith("Response "):
        del node["title"]  # FastAPI's, of the name of the function
    if node.get("default") == "" and node.get("minLength"):
        del node["default"]  # stands for "left out", and cannot be sent
    for bound in ("minimum", "maximum"):
        if isinstance(node.get(bound), float) and abs(node[bound]) < EXACT and node[bound].is_integer():
            node[bound] = int(node[bound])
    for name, schema in node.get("properties", {}).items() if isinstance(node.get("properties"), dict) else ():
        if isinstance(schema, dict) and isinstance(schema.get("title"), str):
            _drop_title(schema, name)
    for each in node.get("parameters", ()) if isinstance(node.get("parameters"), list) else ():
        _drop_title(each.get("schema", {}), each.get("name", ""))
    for value in node.values():
        _correct(value, references)


def _drop_title(schema: dict[str, Any], name: str) -> None:
    """Remove the title that Pydantic makes of a field's name: `dueOn` becomes "Dueon"."""
    if str(schema.get("title", "")).replace(" ", "").lower() == name.replace("_", "").replace("-", "").lower():
        del schema["title"]
