"""HTTP beside the API: errors in its form, health, short replies, and its document."""

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from luxminer.api.framing import MAX_REQUEST_BYTES
from luxminer.api.openapi import document
from tests.unit.api.test_http_server import web
from tests.unit.api.wire import HOST

STATS = json.dumps({"command": "stats+devs+pools+summary"}).encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/nothing", b"", 404, "POST /api"),
        ("GET", "/%2e%2e/etc/passwd", b"", 404, "POST /api"),
        ("GET", "/api?command=version", b"", 405, "POST"),
        ("DELETE", "/", b"", 405, "GET"),
        ("OPTIONS", "/api", b"", 405, "POST"),
        ("POST", "/api", b"{" + b" " * MAX_REQUEST_BYTES, 413, str(MAX_REQUEST_BYTES)),
    ],
)
async def test_what_http_refuses_is_said_in_the_form_of_the_api(
    method: str, path: str, body: bytes, status: int, words: str
) -> None:
    async with web() as server, aiohttp.ClientSession() as session:
        url = f"http://{HOST}:{server.port}{path}"
        async with session.request(method, url, data=body) as reply:
            assert reply.status == status
            assert reply.content_type == "application/json"
            assert (reply.headers.get("Allow") is not None) == (status == 405)
            (told,) = (await reply.json())["STATUS"]
    assert told["STATUS"] == "E"
    assert words in told["Msg"]


async def test_health() -> None:
    async with (
        web() as server,
        aiohttp.ClientSession() as session,
        session.get(f"http://{HOST}:{server.port}/healthz") as reply,
    ):
        assert reply.status == 200
        assert await reply.json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("accepted", "is_short"),
    [
        ("gzip", True),
        ("deflate, GZIP, br", True),
        ("br,gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzipped", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_long_replies_are_short_for_who_asks(accepted: str, is_short: bool) -> None:
    async with web() as server, aiohttp.ClientSession(auto_decompress=False) as session:
        url = f"http://{HOST}:{server.port}/api"
        headers = {"Accept-Encoding": accepted}
        async with session.post(url, data=STATS, headers=headers) as reply:
            raw = await reply.read()
            assert (reply.headers.get("Content-Encoding") == "gzip") == is_short
            assert reply.headers["Vary"] == "Accept-Encoding"
            assert len(json.loads(gzip.decompress(raw) if is_short else raw)) == 5
        async with session.post(url, data=b'{"command":"x"}', headers=headers) as reply:
            assert "Content-Encoding" not in reply.headers
            assert json.loads(await reply.read())["STATUS"][0]["Code"] == 14


def references(tree: Any) -> Iterator[str]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if key == "$ref":
            yield value
        elif isinstance(value, dict | list):
            yield from references(value)


def test_the_document_has_the_structure_of_openapi_3_1() -> None:
    tree = document()
    assert re.fullmatch(r"3\.1\.\d+", tree["openapi"])
    assert set(tree["info"]) >= {"title", "version"}
    assert set(tree) <= {"openapi", "info", "tags", "paths", "components"}
    for path, methods in tree["paths"].items():
        assert path.startswith("/")
        for method, operation in methods.items():
            assert method in ("get", "post")
            assert set(operation) <= {"summary", "requestBody", "responses", "security"}
            for status, response in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d", status)
                assert response["description"]
            for needed in operation["security"]:
                assert set(needed) <= set(tree["components"]["securitySchemes"])
    schemas = tree["components"]["schemas"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in schemas)
    found = set(references(tree))
    assert found == {f"#/components/schemas/{name}" for name in schemas}
