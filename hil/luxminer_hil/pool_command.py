"""``luxminer-hil pool``: a judging pool in a process of its own.

Prints the URL, then one JSON line for every share, and at the end one with the counts. With TLS the
fingerprint of its certificate is a JSON line after the URL.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from luxminer.commands import CliCommand, ExitCode
from luxminer.errors import ConfigError
from luxminer_hil.fakepool import (
    PoolSettings,
    Script,
    ScriptError,
    SessionRecorder,
    ShareRecord,
    blocks,
    scripted_pool,
)
from luxminer_hil.fakepool.actions import read_step_words
from luxminer_hil.fakepool.behaviours import joined, list_behaviours, load_script
from luxminer_hil.fakepool.certificate import CertificateError
from luxminer_hil.fakepool.proxy_actions import PROXY_SCRIPTS
from luxminer_hil.fakepool.settings import CERTIFICATES
from luxminer_hil.serving import listen, read_place, serving

__all__ = ["COMMAND"]

DEFAULT_LISTEN = "127.0.0.1:3333"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, help="port 0 takes a free one"
    )
    parser.add_argument(
        "--difficulty", metavar="D", help='of shares, exact: 0.001; "network" for that of the block'
    )
    parser.add_argument(
        "--script",
        metavar="NAME|FILE",
        action="append",
        default=[],
        help="how it misbehaves, and when: a name from --list or a file; may be given again",
    )
    parser.add_argument(
        "--step",
        metavar="WORDS",
        action="append",
        default=[],
        help='one step of a script in words: "when=authorize wait=5 do=disconnect"',
    )
    parser.add_argument("--list", action="store_true", help="say what each behaviour does")
    parser.add_argument("--seed", metavar="N", type=int, help="of everything random")
    parser.add_argument(
        "--job-interval", metavar="S", type=float, help="seconds; 0: no job by itself"
    )
    parser.add_argument(
        "--clean-every", metavar="N", type=int, help="every N-th job is a new block"
    )
    parser.add_argument("--block", metavar="NAME", help=f"a real one: {', '.join(blocks())}")
    parser.add_argument("--extranonce2-size", metavar="N", type=int)
    parser.add_argument("--version-mask", metavar="HEX", help="00000000: no version rolling")
    parser.add_argument("--no-resume", action="store_true", help="forget sessions that disconnect")
    parser.add_argument(
        "--tls",
        nargs="?",
        metavar="KIND",
        const="good",
        choices=CERTIFICATES,
        help=f"with a certificate of its own: {', '.join(CERTIFICATES)} (good)",
    )
    parser.add_argument(
        "--tls-name",
        metavar="NAME",
        action="append",
        help="a host name that the certificate is for, besides those of loopback",
    )
    parser.add_argument("--ca", metavar="FILE", type=Path, help="write what signed it, as PEM")
    parser.add_argument(
        "--record", metavar="FILE", type=Path, help="write down every line, as JSON lines"
    )
    parser.add_argument(
        "--replay", metavar="FILE", type=Path, help="send the jobs of a recording, at their times"
    )
    parser.add_argument(
        "--speed", metavar="X", type=float, default=1.0, help="of the replay: 10 is ten times"
    )


def run(options: argparse.Namespace) -> int:
    if options.list:
        proxies = list_behaviours(PROXY_SCRIPTS)
        print("\n".join([*list_behaviours(), "", "luxminer-hil proxy --script:", *proxies]))
        return ExitCode.OK
    script = read_scripts(options)
    settings = read_settings(options, script.settings)
    try:
        return asyncio.run(serve(settings, script, options))
    except ScriptError as exc:
        raise ConfigError(str(exc), key="--script") from exc
    except CertificateError as exc:
        raise ConfigError(str(exc), key="--tls") from exc


def read_scripts(options: argparse.Namespace) -> Script:
    """Join what --script, --step and --replay say. Raises ConfigError."""
    scripts = []
    for name in options.script:
        try:
            scripts.append(load_script(name))
        except ScriptError as exc:
            raise ConfigError(str(exc), key=name) from exc
    for words in options.step:
        try:
            scripts.append(Script(steps=(read_step_words(words),)))
        except ScriptError as exc:
            raise ConfigError(str(exc), key="--step") from exc
    if options.replay is not None:
        words = f"at=0 do=replay speed={options.speed} file={json.dumps(str(options.replay))!r}"
        try:
            scripts.append(Script(steps=(read_step_words(words),)))
        except ScriptError as exc:
            raise ConfigError(str(exc), key="--replay") from exc
    return joined(scripts)


def read_settings(options: argparse.Namespace, scripted: Mapping[str, Any]) -> PoolSettings:
    """Join settings of scripts and options, which win. Raises ConfigError."""
    host, port = read_place(options.listen, "--listen", DEFAULT_LISTEN)
    mask = options.version_mask
    if mask is not None and not re.fullmatch(r"[0-9a-fA-F]{8}", mask):
        raise ConfigError(
            f"{mask!r} is no mask",
            key="--version-mask",
            cure="write eight hexadecimal digits, as 1fffe000",
        )
    given = {
        "seed": options.seed,
        "difficulty": options.difficulty,
        "job_interval_s": options.job_interval,
        "clean_every": options.clean_every,
        "block": options.block,
        "extranonce2_size": options.extranonce2_size,
        "version_mask": None if mask is None else int(mask, 16),
        "resume": False if options.no_resume else None,
        "tls": options.tls,
        "tls_names": None if options.tls_name is None else tuple(options.tls_name),
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    try:
        settings = PoolSettings(host=host, port=port, **{**scripted, **chosen})
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    if options.ca is not None and not settings.tls:
        raise ConfigError("there is no certificate", key="--ca", cure="add --tls")
    return settings


async def serve(settings: PoolSettings, script: Script, options: argparse.Namespace) -> int:
    """Serve until a signal, or until nobody reads the lines any more."""
    async with serving() as (say, stopped), AsyncExitStack() as stack:

        def report(share: ShareRecord) -> None:
            say(json.dumps(share.as_json()))

        recorder = None
        if options.record is not None:
            recorder = stack.enter_context(SessionRecorder(options.record, place=options.listen))
        scripted = scripted_pool(
            script, settings=settings, on_share=report, recorder=recorder, on_end=stopped.set
        )
        async with AsyncExitStack() as open_pool:
            pool = await listen(open_pool, scripted, options.listen, "--listen")
            if options.ca is not None and pool.certificate is not None:
                options.ca.write_text(pool.certificate.authority_pem)
            say(pool.url)
            if pool.certificate is not None:
                shown = {"kind": pool.certificate.kind, "sha256": pool.certificate.sha256}
                say(json.dumps({"certificate": shown}))
            await stopped.wait()
        say(json.dumps({"summary": pool.ledger().as_json()}))
    return ExitCode.OK


COMMAND = CliCommand(
    name="pool",
    words="a stratum pool that checks every share and prints one JSON line for each",
    configure=configure,
    run=run,
)
