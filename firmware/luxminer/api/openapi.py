"""The OpenAPI document of ``POST /api``, made of the table of commands.

Imported when it is asked for, and by the tests.
"""

import json
from typing import Any

from luxminer import __version__
from luxminer.api.codes import CODES
from luxminer.api.columns import json_type
from luxminer.api.commands import COMMANDS, SUBJECTS, CommandRow
from luxminer.api.params import Kind, Param
from luxminer.api.sections import SectionTable

__all__ = ["document", "render"]

Schema = dict[str, Any]

STATUS: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "STATUS": {"type": "string", "enum": ["S", "I", "W", "E", "F"]},
            "When": {"type": "integer"},
            "Code": {"type": "integer"},
            "Msg": {"type": "string"},
            "Description": {"type": "string"},
        },
        "required": ["STATUS", "When", "Code", "Msg", "Description"],
    },
}
ERROR: Schema = {
    "type": "object",
    "properties": {"STATUS": STATUS, "id": {"const": 1}},
    "required": ["STATUS", "id"],
}
HEALTH: Schema = {
    "summary": "Whether the service is alive",
    "responses": {
        "200": {
            "description": "it is",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    },
    "security": [{}],
}
JOINED: Schema = {
    "type": "object",
    "description": "Several commands joined with +, each without a parameter; one key for each",
    "properties": {"command": {"type": "string", "pattern": r"^[^+]*(\+[^+]*)+$"}},
    "required": ["command"],
}
NUMBERS = {Kind.STICK, Kind.POOL, Kind.GROUP, Kind.WHOLE}


def render() -> bytes:
    return json.dumps(document(), separators=(",", ":")).encode()


def document() -> Schema:
    """Return the document as a tree."""
    schemas: Schema = {"Error": ERROR, "Joined": JOINED}
    for row in COMMANDS.values():
        schemas[f"{row.name}-request"] = _request(row)
        schemas[f"{row.name}-reply"] = _reply(row)
    references = {
        part: [{"$ref": f"#/components/schemas/{name}-{part}"} for name in COMMANDS]
        for part in ("request", "reply")
    }
    joined, error = ({"$ref": f"#/components/schemas/{name}"} for name in ("Joined", "Error"))
    api = {
        "summary": "One command, or several joined with +",
        "requestBody": _json({"anyOf": [*references["request"], joined]}) | {"required": True},
        "responses": {
            "200": {"description": "the reply, errors of the API included"}
            | _json({"anyOf": [*references["reply"], error, {"type": "object"}]})
        },
        "security": [{}, {"token": []}],
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "luxminer", "version": __version__},
        "tags": [{"name": subject.TITLE} for subject in SUBJECTS],
        "paths": {"/api": {"post": api}, "/healthz": {"get": HEALTH}},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _json(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}


def _request(row: CommandRow) -> Schema:
    properties: Schema = {"command": {"const": row.name}}
    needed = ["command"]
    if row.session or row.grammar.params:
        properties["parameter"] = _parameter(row)
        if row.session or any(param.required for param in row.grammar.params):
            needed.append("parameter")
    return {
        "type": "object",
        "description": row.words,
        "properties": properties,
        "required": needed,
        "x-right": row.letter,
        "x-session": row.session,
        "x-joinable": row.joinable,
        "x-codes": {str(code): CODES[code].text for code in row.codes},
    }


def _parameter(row: CommandRow) -> Schema:
    values = [_value(param) for param in row.grammar.params]
    if row.session:
        values.insert(0, {"name": "session_id", "type": "string", "required": True})
    schema: Schema = {
        "type": ["string", "number"] if len(values) == 1 else "string",
        "description": "values separated by commas",
        "x-values": values,
    }
    if row.example:
        schema["examples"] = [f"SESSION,{row.example}" if row.session else row.example]
    return schema


def _value(param: Param) -> Schema:
    value: Schema = {
        "name": param.name,
        "type": "number" if param.kind is Kind.NUMBER else "string",
        "required": param.required,
        "description": param.words,
        "expected": param.expected,
    }
    if param.kind in NUMBERS:
        value["type"] = "integer"
    if param.key:
        value["form"] = f"{param.name}=value"
    return value


def _reply(row: CommandRow) -> Schema:
    if row.bare:
        return {"type": "object", "properties": {"STATUS": {"const": row.bare}, "id": {"const": 1}}}
    sections = {section.key: _section(section) for section in row.sections}
    return {
        "type": "object",
        "properties": {"STATUS": STATUS, **sections, "id": {"const": 1}},
        "required": ["STATUS", "id"],
    }


def _section(section: SectionTable[Any]) -> Schema:
    plain: Schema = {}
    numbered: Schema = {}
    for label, column in section.fields.items():
        if "{n}" in label:
            numbered[f"^{label.replace('{n}', '[0-9]+')}$"] = {"type": json_type(column)}
        else:
            plain[label] = {"type": json_type(column)}
    item: Schema = {"type": "object", "properties": plain}
    if numbered:
        item["patternProperties"] = numbered
    rows: Schema = {"type": "array", "items": item}
    return rows | ({"minItems": 1, "maxItems": 1} if section.is_single else {})
