"""``luxminer api`` against a peer that answers in good and bad ways."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from luxminer.cli import main


@contextlib.contextmanager
def peer(reply: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """Answer one connection; None says nothing until the client has gone."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                requests.append(connection.recv(4096))
                if reply is None:
                    connection.recv(1)
                else:
                    connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1], requests
        finally:
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize("end", [b"\0", b"\n", b""])
def test_json_is_printed_whatever_ends_it(end: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"STATUS": [{"STATUS": "S"}], "id": 1}
    with peer(json.dumps(answer).encode() + end) as (port, requests):
        assert main(["api", "ascset", "0,freq,150", "--port", str(port)]) == 0
    assert json.loads(requests[0]) == {"command": "ascset", "parameter": "0,freq,150"}
    assert json.loads(capsys.readouterr().out) == answer


def test_text_is_one_section_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(b"STATUS=S,Code=11|SUMMARY,Accepted=1|\0") as (port, requests):
        assert main(["api", "addpool", "a,b,c", "--text", "--port", str(port)]) == 0
    assert requests == [b"addpool|a,b,c"]
    assert capsys.readouterr().out == "STATUS=S,Code=11|\nSUMMARY,Accepted=1|\n"


@pytest.mark.parametrize("letter", ["E", "F"])
def test_an_error_of_the_miner_is_status_1(letter: str) -> None:
    with peer(json.dumps({"STATUS": [{"STATUS": letter}]}).encode()) as (port, _):
        assert main(["api", "nonsense", "--port", str(port)]) == 1
    with peer(b"STATUS=%s,Msg=Invalid command|\0" % letter.encode()) as (port, _):
        assert main(["api", "nonsense", "--text", "--port", str(port)]) == 1


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "is not JSON"),
        (b"", "is not JSON"),
        (b"\xff\xfe\x80", "is not JSON"),
        (None, "does not answer within 0.3 s"),
    ],
)
def test_a_peer_that_is_no_miner_is_one_clear_line(
    reply: bytes | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with peer(reply) as (port, _):
        assert main(["api", "summary", "--port", str(port), "--timeout", "0.3"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("luxminer: ")
    assert words in line


@pytest.mark.parametrize(
    ("option", "value"), [("--port", "70000"), ("--port", "0"), ("--timeout", "-1")]
)
def test_impossible_options_are_bad_usage(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["api", "summary", option, value]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert option in line
    assert value in line


def test_a_host_that_has_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["api", "summary", "--host", "no host", "--timeout", "1"]) == 1
    assert "cannot reach no host:4028" in capsys.readouterr().err
