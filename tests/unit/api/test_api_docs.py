"""The page about the API and the OpenAPI document say what the table of commands says."""

import json
from pathlib import Path
from typing import Any

import pytest

from luxminer.api.codes import CODES
from luxminer.api.commands import COMMANDS
from luxminer.api.manual import BEGIN, END
from luxminer.api.openapi import document, render
from tests.unit.api.examples import is_right, page, run

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


async def test_the_page_is_up_to_date() -> None:
    """Else: .venv/bin/python scripts/render_api_docs.py."""
    text = PAGE.read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert await page(text) == text


@pytest.mark.parametrize("name", COMMANDS)
async def test_the_example_works_and_shows_every_section(name: str) -> None:
    row = COMMANDS[name]
    _, tree = await run(row)
    assert is_right(row, tree), tree["STATUS"]
    assert set(tree) - {"STATUS", "id"} <= {section.key for section in row.sections}
    for section in row.sections:
        labels = set(section.fields)
        for label in tree[section.key][-1]:
            assert label in labels or any("{n}" in known for known in labels), label


TYPES: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_replies_have_the_types_that_openapi_says(name: str) -> None:
    _, tree = await run(COMMANDS[name])
    schemas: dict[str, Any] = document()["components"]["schemas"]
    reply = schemas[f"{name}-reply"]["properties"]
    for key, rows in tree.items():
        for row in rows if key not in ("STATUS", "id") else ():
            properties = reply[key]["items"]["properties"]
            for label, value in row.items():
                if label in properties:
                    kind = properties[label]["type"]
                    assert isinstance(value, TYPES[kind]), (label, value)
                    assert isinstance(value, bool) == (kind == "boolean"), (label, value)


def test_openapi_names_every_command_and_all_references_lead_somewhere() -> None:
    tree = json.loads(render())
    assert tree["openapi"].startswith("3.1")
    schemas = tree["components"]["schemas"]
    texts = json.dumps(tree)
    for name in COMMANDS:
        assert f'"#/components/schemas/{name}-request"' in texts
        assert {f"{name}-request", f"{name}-reply"} <= set(schemas)
    for reference in {part.split('"')[0] for part in texts.split('"#/components/schemas/')[1:]}:
        assert reference in schemas


def test_every_code_that_a_row_names_exists() -> None:
    for row in COMMANDS.values():
        assert set(row.codes) <= set(CODES), row.name
