"""``luxminer api`` against a peer that answers in good and bad ways."""

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from luxminer.cli import main
from luxminer.cmd.api_tables import tables


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
        assert main(["api", "ascset", "0,freq,150", "--json", "--port", str(port)]) == 0
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


DEVS = {
    "DEVS": [
        {"ASC": 0, "Name": "GSF", "MHS av": 123.45, "Enabled": "Y"},
        {"ASC": 1, "Name": "evil\x1b[2J", "MHS av": 1.0, "Enabled": "N", "No Device": True},
    ],
    "STATUS": [{"STATUS": "S", "Msg": "2 ASC(s)", "Code": 9}],
    "id": 1,
}


def test_rows_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(json.dumps(DEVS).encode()) as (port, _):
        assert main(["api", "devs", "--port", str(port)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ASC  Name         MHS av  Enabled  No Device",
        "0    GSF          123.45  Y",
        r"1    evil\x1b[2J  1.0     N        yes",
    ]


def test_what_is_too_wide_stands_upright() -> None:
    assert tables(DEVS, 30).splitlines() == [
        "ASC        0       1",
        r"Name       GSF     evil\x1b[2J",
        "MHS av     123.45  1.0",
        "Enabled    Y       N",
        "No Device          yes",
    ]
    narrow = tables(DEVS, 20).splitlines()
    assert narrow[5] == ""
    assert narrow[0] == "ASC        0"
    assert narrow[6] == "ASC        1"


def test_joined_replies_have_titles_and_a_reply_without_rows_its_message() -> None:
    joined = {"devs": [DEVS], "pools": [{"STATUS": [{"STATUS": "E", "Msg": "No pools"}]}], "id": 1}
    text = tables(joined, 80)
    assert text.startswith("DEVS\nASC")
    assert text.endswith("\n\npools: No pools")
    assert tables({"STATUS": "RESTART", "id": 1}, 80) == "RESTART"


def test_several_miners_at_once_each_with_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with peer(json.dumps(DEVS).encode()) as (port, _), peer(b"SSH-2.0") as (other, _):
        hosts = f"127.0.0.1:{port},[::ffff:127.0.0.1]:{other}"
        assert main(["api", "devs", "--host", hosts, "--host", "127.0.0.1:1", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == [f"127.0.0.1:{port}", f"[::ffff:127.0.0.1]:{other}", "127.0.0.1:1"]
    assert shown[f"127.0.0.1:{port}"] == DEVS
    assert "is not JSON" in shown[f"[::ffff:127.0.0.1]:{other}"]["error"]
    assert "is luxminer running" in shown["127.0.0.1:1"]["error"]


def test_a_refusal_is_told_in_the_words_of_the_miner(capsys: pytest.CaptureFixture[str]) -> None:
    reply = {"STATUS": [{"STATUS": "E", "Msg": "Invalid command", "Code": 14}], "id": 1}
    with peer(json.dumps(reply).encode()) as (port, _):
        assert main(["api", "nonsense", "--port", str(port)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "luxminer: Invalid command (code 14)\n"


@pytest.mark.parametrize("host", ["", "a,,b", "[::1", "[::1]x", "host:x", "host:99999"])
def test_hosts_that_are_none(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["api", "summary", "--host", host]) == 2
    assert "--host" in capsys.readouterr().err


def test_no_command_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["api"])
    assert end.value.code == 2
    assert "COMMAND is missing" in capsys.readouterr().err


def test_watching_asks_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("luxminer.cmd.api.time.sleep", pause)
    assert main(["api", "summary", "--host", "127.0.0.1:1", "--watch", "2"]) == 130
    assert pauses == [2, 2, 2]
    assert capsys.readouterr().err.count("cannot reach") == 3


def test_names_are_completed_in_a_real_shell(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert main(["api", "--completion", shell]) == 0
        script = capsys.readouterr().out
        assert "switchpool" in script
        if shell == "bash":
            line = "COMP_WORDS=(luxminer api switchp); COMP_CWORD=2; _luxminer_api; echo $COMPREPLY"
            done = subprocess.run(
                ["bash", "-c", script + line], capture_output=True, text=True, check=True
            )
            assert done.stdout == "switchpool\n"
