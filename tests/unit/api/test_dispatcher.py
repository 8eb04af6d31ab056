"""Requests against their replies: those of CGMiner in our dialect, and the rules."""

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from luxminer.api.access import Caller
from luxminer.api.commands import CODES, COMMANDS, CommandRow
from luxminer.api.dispatcher import MAX_JOINED
from luxminer.api.framing import RequestFramer
from luxminer.api.handlers import pools
from luxminer.api.render import to_json, to_text
from luxminer.api.replies import Reply
from luxminer.api.requests import Request, parse_text
from luxminer.api.server import answer_request
from luxminer.api.sessions import SESSION_LIFE_S
from luxminer.control import AddPool, Command, DisablePool, EnablePool, RemovePool, SwitchPool
from luxminer.errors import CommandError
from tests.unit.api.snapshots import (
    OWNER,
    VISITOR,
    WALL_S,
    Rig,
    bare_miner,
    device,
    miner,
    pool,
    pulled,
)

WHEN = int(WALL_S)
D = "LUXminer 0.1.0"


async def ask_text(rig: Rig, request: str, caller: Caller = OWNER) -> str:
    return to_text(await rig.dispatcher.handle(parse_text(request.encode()), caller)).decode()


async def ask(rig: Rig, request: str, caller: Caller = OWNER) -> dict[str, Any]:
    """Ask in JSON, given as ``command`` or ``command|parameter``."""
    answer = await rig.dispatcher.handle(parse_text(request.encode()), caller)
    tree = json.loads(to_json(answer))
    assert isinstance(tree, dict)
    return tree


async def status(rig: Rig, request: str, caller: Caller = OWNER) -> tuple[str, int, str]:
    row = (await ask(rig, request, caller))["STATUS"][0]
    return row["STATUS"], row["Code"], row["Msg"]


def take(rig: Rig, command: type[Command], result: object) -> list[Command]:
    """Own a command: answer with ``result``, raise it if it is an error; return what came."""
    taken: list[Command] = []

    async def own(order: Command) -> object:
        taken.append(order)
        if isinstance(result, Exception):
            raise result
        return result

    rig.bus.register(command, own)
    return taken


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("foo", ("E", 14, "Invalid command")),
        ("", ("E", 14, "Invalid command")),
        ("SUMMARY", ("E", 14, "Invalid command")),
        ("+", ("E", 14, "Invalid command")),
        ("id+", ("E", 14, "Invalid command")),
        ("asc", ("E", 15, "Missing device id parameter")),
        ("asc|1", ("S", 106, "ASC1")),
        ("asc| 1", ("S", 106, "ASC1")),
        ("asc|1|", ("S", 106, "ASC1")),
        ("asc|1.900000", ("S", 106, "ASC1")),
        ("asc|1,2", ("S", 106, "ASC1")),
        ("asc|9", ("E", 107, "Invalid ASC id 9 - range is 0 - 1")),
        ("asc|-1", ("E", 107, "Invalid ASC id -1 - range is 0 - 1")),
        ("asc|x", ("E", 107, "Invalid ASC id x - range is 0 - 1")),
        ("asc|1x", ("E", 107, "Invalid ASC id 1x - range is 0 - 1")),
        ("asc|" + "9" * 5000, ("E", 107, f"Invalid ASC id {'9' * 57}... - range is 0 - 1")),
        ("pga|0", ("E", 14, "Invalid command")),
        ("pgaenable|0", ("E", 14, "Invalid command")),
        ("pgacount", ("S", 59, "PGA count")),
        ("privileged", ("S", 46, "Privileged access OK")),
        ("switchpool", ("E", 25, "Missing pool id parameter")),
        ("enablepool|3", ("E", 26, "Invalid pool id 3 - range is 0 - 2")),
        ("removepool|all", ("E", 26, "Invalid pool id all - range is 0 - 2")),
        ("addpool", ("E", 52, "Missing addpool details")),
        ("addpool|u1,w1", ("E", 53, "Invalid addpool details 'u1,w1'")),
        ("addpool|,w1,p1", ("E", 53, "Invalid addpool details ',w1'")),
        ("addpool|u1,,p1", ("E", 53, "Invalid addpool details 'u1,'")),
        ("addpool|u1,w1,p,one", ("E", 407, "Invalid group id one")),
        ("check", ("E", 71, "Missing check cmd")),
        ("logoff", ("E", 401, "Missing session id")),
        ("logoff|abcdefgh", ("E", 403, "Invalid or expired session id")),
    ],
)
async def test_one_request_one_status(request_text: str, expected: tuple[str, int, str]) -> None:
    assert await status(Rig(), request_text) == expected


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("asc|0", ("E", 105, "No ASCs")),
        ("asc", ("E", 105, "No ASCs")),
        ("switchpool|0", ("E", 8, "No pools")),
        ("devs", ("S", 9, "0 ASC(s)")),
        ("pools", ("S", 7, "0 Pool(s)")),
        ("summary", ("S", 11, "Summary")),
        ("stats", ("S", 70, "LUXminer stats")),
    ],
)
async def test_without_sticks_and_pools(request_text: str, expected: tuple[str, int, str]) -> None:
    assert await status(Rig(bare_miner()), request_text) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"command":"asc","parameter":1}', 106),
        (b'{"command":"asc","parameter":1.9}', 106),
        (b'{"command":"asc","parameter":["1","x"]}', 106),
        (b'{"command":"asc","parameter":[1]}', 106),
        (b'{"command":"asc","parameter":true}', 107),
        (b'{"command":"asc","parameter":null}', 15),
        (b'{"command":"asc","parameter":""}', 15),
        (b'{"command":"asc","parameter":{"a":1}}', 15),
        (b'{"command":" version ","parameter":"","extra":[1]}', 22),
        (b'{"command":"nosuch","command":"version"}', 22),
        (b'{"command":"asc|1"}', 14),
        (b'{"command":5}', 14),
        (b'{"command":null}', 14),
        (b"{}", 24),
        (b'{"Command":"version","cmd":"version"}', 24),
        (b'{"command":"version"', 23),
        (b'{"command":"version",}', 23),
        (b'{"command":"ver\\u0000sion"}', 23),
        (b'{"command":"asc","parameter":"1\\u0000"}', 23),
        (b'{"command":"asc","parameter":NaN}', 23),
        (b'{"command":"\xff"}', 23),
        (b'{"command":"asc","parameter":' + b"1" * 5000 + b"}", 23),
        (b'["version"]', 14),
    ],
)
async def test_json_requests(raw: bytes, expected: int) -> None:
    framer = RequestFramer()
    framer.feed(raw)
    framer.end()
    answer = await answer_request(Rig().dispatcher, framer, OWNER)
    assert json.loads(to_json(answer))["STATUS"][0]["Code"] == expected


async def test_text_replies_to_the_letter() -> None:
    rig = Rig()
    assert await ask_text(rig, "foo") == (
        f"STATUS=E,When={WHEN},Code=14,Msg=Invalid command,Description={D}|"
    )
    assert await ask_text(rig, "asccount+pgacount") == (
        f"CMD=asccount|STATUS=S,When={WHEN},Code=104,Msg=ASC count,Description={D}|ASCS,Count=2|"
        f"CMD=pgacount|STATUS=S,When={WHEN},Code=59,Msg=PGA count,Description={D}|PGAS,Count=0|"
    )
    assert (await ask_text(rig, "a,b=c+asccount")).startswith(
        rf"CMD=a\,b\=c|STATUS=E,When={WHEN},Code=14,"
    )


async def test_json_replies_to_the_letter() -> None:
    answer = await Rig().dispatcher.handle(Request("asccount+asccount+ +nosuch"), OWNER)
    envelope = f'"Description":"{D}"'
    assert to_json(answer).decode() == (
        f'{{"asccount":[{{"ASCS":[{{"Count":2}}],"STATUS":[{{"Code":104,{envelope},'
        f'"Msg":"ASC count","STATUS":"S","When":{WHEN}}}],"id":1}}],"id":1,'
        f'"nosuch":[{{"STATUS":[{{"Code":14,{envelope},'
        f'"Msg":"Invalid command","STATUS":"E","When":{WHEN}}}],"id":1}}]}}'
    )


async def test_the_health_script_knows_us_by_the_order_of_keys() -> None:
    assert list(await ask(Rig(), "devs")) == ["DEVS", "STATUS", "id"]


async def test_parts_that_cannot_be_joined_are_denied_in_their_place() -> None:
    tree = await ask(Rig(), "asccount+asc+addpool")
    codes = {name: part[0]["STATUS"][0]["Code"] for name, part in tree.items() if name != "id"}
    assert codes == {"asccount": 104, "asc": 45, "addpool": 45}
    assert "STATUS" not in tree
    assert tree["id"] == 1


async def test_a_part_named_id_does_not_take_the_place_of_the_id() -> None:
    tree = await ask(Rig(), "id+version")
    assert sorted(tree) == ["id", "version"]
    assert tree["id"] == 1


async def test_the_number_of_parts_is_bounded() -> None:
    names = "+".join(f"x{n}" for n in range(MAX_JOINED))
    assert len(await ask(Rig(), names)) == MAX_JOINED + 1
    assert await status(Rig(), names + "+y") == ("E", 14, "Invalid command")


async def test_joined_parts_get_no_parameter() -> None:
    tree = await ask(Rig(miner(devices=(pulled(0),))), "edevs+version|3600")
    assert "DEVS" not in tree["edevs"][0]


# Pools


async def test_orders_about_pools_reach_their_owner() -> None:
    rig = Rig()
    switched = take(rig, SwitchPool, "url")
    removed = take(rig, RemovePool, "url")
    added = take(rig, AddPool, 3)
    assert await status(rig, "switchpool|1") == (
        "S",
        27,
        "Switching to pool 1:'stratum+tcp://pool1.example:3333'",
    )
    assert await status(rig, "removepool|2") == (
        "S",
        68,
        "Removed pool 2:'stratum+tcp://pool2.example:3333'",
    )
    assert await status(rig, r"addpool|stratum+tcp://h:1,a\,b,x") == (
        "S",
        55,
        "Added pool 3: 'stratum+tcp://h:1'",
    )
    assert switched == [SwitchPool(pool_id=1)]
    assert removed == [RemovePool(pool_id=2)]
    assert added == [AddPool(url="stratum+tcp://h:1", user="a,b", password="x", group=0)]


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("u,w,", AddPool(url="u", user="w", password="", group=0)),
        (" u , w , p ", AddPool(url="u", user="w", password="p", group=0)),
        ("u,w,p,2", AddPool(url="u", user="w", password="p", group=2)),
        ("u,w,p,", AddPool(url="u", user="w", password="p", group=0)),
        (r"u,w\\x,p\,", AddPool(url="u", user=r"w\x", password="p,", group=0)),
        ("u,w,p\\", AddPool(url="u", user="w", password="p\\", group=0)),
    ],
)
async def test_details_of_a_new_pool(parameter: str, expected: AddPool) -> None:
    rig = Rig()
    added = take(rig, AddPool, 3)
    assert (await status(rig, f"addpool|{parameter}"))[0] == "S"
    assert added == [expected]


@pytest.mark.parametrize(
    ("request_text", "changed", "expected"),
    [
        ("enablepool|0", True, ("S", 47, "Enabling pool 0:'stratum+tcp://pool0.example:3333'")),
        (
            "enablepool|0",
            False,
            ("I", 49, "Pool 0:'stratum+tcp://pool0.example:3333' already enabled"),
        ),
        ("disablepool|1", True, ("S", 48, "Disabling pool 1:'stratum+tcp://pool1.example:3333'")),
        (
            "disablepool|1",
            False,
            ("I", 50, "Pool 1:'stratum+tcp://pool1.example:3333' already disabled"),
        ),
    ],
)
async def test_switching_a_pool_on_and_off(
    request_text: str, changed: bool, expected: tuple[str, int, str]
) -> None:
    rig = Rig()
    take(rig, EnablePool, changed)
    take(rig, DisablePool, changed)
    assert await status(rig, request_text) == expected


@pytest.mark.parametrize(
    ("command", "request_text", "reason", "code"),
    [
        (AddPool, "addpool|u,w,secret", "invalid-url", 53),
        (AddPool, "addpool|u,w,secret", "invalid-user", 53),
        (AddPool, "addpool|u,w,secret", "too-many", 54),
        (AddPool, "addpool|u,w,secret,7", "unknown-group", 407),
        (RemovePool, "removepool|0", "last-pool", 66),
        (RemovePool, "removepool|0", "active-pool", 67),
        (RemovePool, "removepool|0", "unknown-pool", 26),
        (DisablePool, "disablepool|0", "last-pool", 51),
        (SwitchPool, "switchpool|0", "unknown-pool", 26),
        (SwitchPool, "switchpool|0", "a-new-reason", 404),
    ],
)
async def test_a_refusal_of_the_owner_has_its_code(
    command: type[Command], request_text: str, reason: str, code: int
) -> None:
    rig = Rig()
    take(rig, command, CommandError(reason, "the owner's own words"))
    letter, shown, text = await status(rig, request_text)
    assert (letter, shown) == ("E", code)
    assert "secret" not in text
    assert "{" not in text
    if code == 404:
        assert text == "the owner's own words"


async def test_an_order_that_nobody_owns_says_so() -> None:
    letter, code, text = await status(Rig(), "switchpool|0")
    assert (letter, code) == ("E", 404)
    assert "SwitchPool" in text


async def test_passwords_are_never_repeated() -> None:
    rig = Rig()
    for parameter in ("u,w,secret,1,2", ",w,secret", "u,,secret"):
        assert "secret" not in json.dumps(await ask(rig, f"addpool|{parameter}"))


async def test_the_reply_after_an_order_shows_its_effect() -> None:
    rig = Rig()

    async def disable(_: DisablePool) -> object:
        rig.snapshot = miner(pools=(pool(0, enabled=False, priority=7), pool(1)))
        return True

    rig.bus.register(DisablePool, disable)
    assert (await ask(rig, "pools"))["POOLS"][0]["Priority"] == 0
    await ask(rig, "disablepool|0")
    assert (await ask(rig, "pools"))["POOLS"][0]["Priority"] == 7


# Rights


@pytest.mark.parametrize("command", [name for name, row in COMMANDS.items() if row.write])
async def test_without_the_right_every_write_is_code_45(command: str) -> None:
    for parameter in ("", "|0", "|u,w,p"):
        answer = await status(Rig(), command + parameter, VISITOR)
        assert answer == ("E", 45, f"Access denied to '{command}' command")


@pytest.mark.parametrize(
    ("command", "caller", "expected"),
    [
        ("version", VISITOR, ("Y", "Y")),
        ("addpool", VISITOR, ("Y", "N")),
        ("addpool", OWNER, ("Y", "Y")),
        ("pga", OWNER, ("N", "N")),
        ("pgacount", OWNER, ("Y", "Y")),
        ("VERSION", OWNER, ("N", "N")),
    ],
)
async def test_check_tells_the_callers_own_right(
    command: str, caller: Caller, expected: tuple[str, str]
) -> None:
    row = (await ask(Rig(), f"check|{command}", caller))["CHECK"][0]
    assert (row["Exists"], row["Access"]) == expected


# Sessions


async def logon(rig: Rig) -> str:
    session_id = (await ask(rig, "logon"))["SESSION"][0]["SessionID"]
    assert isinstance(session_id, str)
    return session_id


async def test_one_session_at_a_time() -> None:
    rig = Rig()
    session_id = await logon(rig)
    assert len(session_id) == 8
    assert session_id.isalnum()
    refused = await ask(rig, "logon")
    assert (await status(rig, "logon")) == ("E", 402, "Another session is active")
    assert "SESSION" not in refused
    assert (await ask(rig, "session", VISITOR))["SESSION"] == [{"SessionID": session_id}]
    assert await status(rig, f"logoff|{session_id}") == ("S", 317, "Session ended")
    assert (await ask(rig, "session"))["SESSION"] == [{"SessionID": ""}]
    assert await logon(rig) != session_id


async def test_kill_needs_no_id() -> None:
    rig = Rig()
    await logon(rig)
    assert await status(rig, "kill") == ("S", 318, "Session dropped")
    assert await status(rig, "kill") == ("S", 318, "Session dropped")
    await logon(rig)


async def test_a_session_ends_after_a_minute_without_use() -> None:
    rig = Rig()
    session_id = await logon(rig)
    for _ in range(3):
        rig.clock.now_s += SESSION_LIFE_S - 1
        assert await status(rig, f"asc|{session_id},1") == ("S", 106, "ASC1")
    rig.clock.now_s += SESSION_LIFE_S
    assert (await status(rig, f"logoff|{session_id}"))[1] == 403
    assert (await ask(rig, "session"))["SESSION"] == [{"SessionID": ""}]
    await logon(rig)


async def test_an_id_that_is_not_needed_is_dropped_only_while_it_is_active() -> None:
    rig = Rig()
    added = take(rig, AddPool, 3)
    session_id = await logon(rig)
    await ask(rig, f"addpool|{session_id},u,w,p")
    assert added == [AddPool(url="u", user="w", password="p", group=0)]
    await ask(rig, "kill")
    assert (await status(rig, f"asc|{session_id},1"))[1] == 107


async def test_errors_about_ids_make_clients_log_on_again() -> None:
    """One client looks for the word; none may take it for "Another session is active"."""
    for code in (401, 403):
        assert "session" in CODES[code].text
        assert "nother session" not in CODES[code].text


# Sticks that come and go


async def test_a_pulled_stick_keeps_its_row_without_its_rates() -> None:
    rig = Rig(miner(devices=(pulled(0, enabled=True), device(1))))
    row = (await ask(rig, "devs"))["DEVS"][0]
    rates = {label: value for label, value in row.items() if "MHS" in label}
    assert len(rates) == 9
    assert set(rates.values()) == {0}
    assert (row["Status"], row["No Device"], row["Enabled"]) == ("Dead", True, "Y")
    assert row["Accepted"] == 10
    assert (await ask(rig, "asccount"))["ASCS"] == [{"Count": 2}]
    assert (await status(rig, "asc|0"))[1] == 106


async def test_edevs_and_estats_hide_pulled_sticks_for_longer_than_asked() -> None:
    rig = Rig(miner(devices=(pulled(0), device(1))))  # pulled 30 s ago
    for command, label in (("edevs", "DEVS"), ("estats", "STATS")):
        shown = {}
        for age_s in ("", "|29", "|31", "|x"):
            tree = await ask(rig, command + age_s)
            shown[age_s] = len(tree[label])
        assert shown == {"": 1, "|29": 1, "|31": 2, "|x": 1}
    assert (await status(rig, "edevs"))[2] == "2 ASC(s)"
    gone = (await ask(rig, "estats|31"))["STATS"][0]
    assert "Serial" not in gone
    assert "Chip0Nonces" not in gone


async def test_no_sensor_no_temperature() -> None:
    rig = Rig(miner(devices=(device(0), device(1, temperature_c=61.4, voltage_v=0.45))))
    without, with_one = (await ask(rig, "estats"))["STATS"]
    assert "Temp" not in without
    assert "CoremV" not in without
    assert (with_one["Temp"], with_one["CoremV"]) == (61.4, 450)
    block = (await ask(rig, "stats"))["STATS"][1]
    assert (block["temp_pcb1"], block["temp_pcb2"]) == ("0-0-0-0", "61-61-61-61")
    assert (block["temp_max"], block["temp_num"]) == (61.4, 1)


# Faults of ours


async def test_a_fault_of_ours_is_answered_logged_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    take(rig, SwitchPool, RuntimeError("boom"))
    assert await status(rig, "switchpool|0") == ("F", -1, "Internal error")
    assert rig.dispatcher.failures == 1
    assert "boom" in caplog.text


async def test_an_owner_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    monkeypatch.setattr("luxminer.api.dispatcher.ORDER_TIMEOUT_S", 0.02)

    async def hang(_: SwitchPool) -> object:
        await asyncio.Event().wait()
        return None

    rig.bus.register(SwitchPool, hang)
    assert (await status(rig, "switchpool|0"))[:2] == ("E", 405)


async def test_writes_are_logged_with_their_sender_but_not_their_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    take(rig, AddPool, 3)
    with caplog.at_level(logging.INFO):
        await ask(rig, "addpool|u,w,secret")
    assert "addpool from 127.0.0.1" in caplog.text
    assert "secret" not in caplog.text


async def test_when_is_the_clock_of_the_reply() -> None:
    rig = Rig()
    rig.clock.now_s += 10
    assert (await ask(rig, "summary"))["STATUS"][0]["When"] == int(WALL_S + 10)


async def test_braces_from_outside_stay_what_they_are() -> None:
    rig = Rig(miner(pools=(pool(0, url="stratum+tcp://{id}{x}:1"), pool(1))))
    take(rig, SwitchPool, "")
    assert (await status(rig, "switchpool|0"))[2] == "Switching to pool 0:'stratum+tcp://{id}{x}:1'"


def test_every_status_that_the_table_names_exists() -> None:
    for row in COMMANDS.values():
        assert row.bare or row.success in CODES, row.name
        assert all(code in CODES for code in row.refusals.values()), row.name


@pytest.mark.parametrize(("caller", "bare"), [(OWNER, "BYE"), (VISITOR, "")])
async def test_a_row_of_a_bare_word_runs_its_handler_and_says_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caller: Caller, bare: str
) -> None:
    row = CommandRow(name="bye", words="ends", bare="BYE", handler=pools.enablepool, write=True)
    row = replace(row, grammar=COMMANDS["enablepool"].grammar)
    monkeypatch.setattr("luxminer.api.dispatcher.COMMANDS", {"bye": row})
    rig = Rig()
    taken = take(rig, EnablePool, True)
    answer = await rig.dispatcher.handle(Request("bye", "1"), caller)
    assert isinstance(answer, Reply)
    assert answer.bare == bare
    assert taken == ([EnablePool(pool_id=1)] if bare else [])
    assert (to_text(answer) == b"BYE") == bool(bare)
