"""Golden vectors of pools through the product: jobs, headers, targets, version rolling, counters.

Whole conversations are in `stratum_conversations`.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

from luxminer import hashing
from luxminer.api import figures
from luxminer.stratum.endpoint import may_follow
from luxminer.stratum.messages import Notify, parse_call, parse_configure
from luxminer.work import generator, header, target, version
from luxminer_hil.vectors import stratum_conversations, stratum_pools, stratum_solo, stratum_talk
from luxminer_hil.vectors.mismatch import Mismatch, expect, expect_close, expect_given

__all__ = ["CHECKS", "entries"]

Vector = dict[str, Any]

NESTED = ("version_rolling", "extranonce2", "gbt", "sv2")
"""Sections that are tables of lists."""


def entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Vector]]:
    """Walk a file: a kind (section, or ``section/list``) and a vector with an id for each entry."""
    for section, content in document.items():
        if section == "about":
            continue
        if isinstance(content, list):
            yield from _listed(section, content)
        elif section in NESTED:
            for name, part in content.items():
                rows = part if isinstance(part, list) else [part]
                yield from _listed(f"{section}/{name}", rows)
        else:
            yield section, {"id": section, **content}


def _listed(kind: str, rows: list[Any]) -> Iterator[tuple[str, Vector]]:
    for number, row in enumerate(rows):
        fields = row if isinstance(row, dict) else {"value": row}
        yield kind, {"id": f"{kind}-{number}", **fields}


def _number(text: str) -> int:
    return int(text, 16)


def _notify(fields: Mapping[str, Any]) -> Notify:
    """Parse the fields of a notify as the line that a pool would send."""
    message = parse_call(stratum_talk.call("mining.notify", stratum_talk.notify_params(fields)))
    assert isinstance(message, Notify)
    return message


def check_job(vector: Vector) -> None:
    wanted, submit = vector["expect"], vector["submit"]
    notify = _notify(vector["notify"])
    extranonce1 = bytes.fromhex(vector["extranonce1"])
    extranonce2 = bytes.fromhex(submit["extranonce2"])
    sent = (bytes.fromhex(vector["notify"][part]) for part in ("coinb1", "coinb2"))
    raw = header.coinbase(next(sent), extranonce1, extranonce2, next(sent))
    expect(wanted["coinbase_hex"], raw.hex(), "coinbase")
    whole = header.coinbase(notify.coinb1, extranonce1, extranonce2, notify.coinb2)
    expect(wanted["coinbase_has_witness"], whole != raw, "witness to strip")
    coinbase_hash = hashing.double_sha256(whole)
    expect(wanted["coinbase_hash_internal"], coinbase_hash.hex(), "coinbase hash")
    expect_given(wanted, "coinbase_txid", header.display(coinbase_hash))
    expect_given(vector, "extranonce2_size", len(extranonce2))
    root = hashing.merkle_root(whole, notify.merkle_branch)
    expect(wanted["merkle_root_internal"], root.hex(), "merkle root")
    expect(wanted["merkle_root_display"], header.display(root), "merkle root as displayed")
    expect(wanted["prevhash_internal"], notify.prev_hash.hex(), "previous hash")
    expect(wanted["prevhash_display"], header.display(notify.prev_hash), "previous hash displayed")
    mask = _number(vector["version_mask"] or "0")
    bits = submit.get("version_bits")
    hashed = notify.version if bits is None else notify.version & ~mask | _number(bits)
    expect(wanted["version"], f"{hashed:08x}", "version")
    ntime, nonce = _number(submit["ntime"]), _number(submit["nonce"])
    raw = header.header_bytes(hashed, notify.prev_hash, root, ntime, notify.nbits, nonce)
    _check_header(raw, wanted)
    expect(wanted["header_tail16"], raw[64:].hex(), "tail")
    block_hash = hashing.double_sha256(raw)
    expect(wanted["hash_internal"], block_hash.hex(), "hash")
    if "known_block_hash" in vector:
        expect(vector["known_block_hash"], header.display(block_hash), "block hash")
    expect(wanted["network_target"], f"{notify.network_target:064x}", "network target")
    found = header.display(block_hash)
    meets = target.hash_meets(block_hash, notify.network_target)
    expect(wanted["meets_network_target"], meets, f"block test of {found}")
    if "pool_target" in wanted:
        share_target = target.target_of(target.parse_difficulty(vector["pool_difficulty"]))
        expect(wanted["pool_target"], f"{share_target:064x}", "pool target")
        meets = target.hash_meets(block_hash, share_target)
        expect(wanted["meets_pool_difficulty"], meets, f"share test of {found}")
        tail, state = raw[64:76], hashing.midstate(raw[:64])
        verified = hashing.verify(state, tail, nonce, target.target_le(share_target))
        expect(wanted["meets_pool_difficulty"], verified, "verify")
    if "share_difficulty_nano_floor" in wanted:
        nano = int(target.difficulty_of_hash(block_hash) * 10**9)
        expect(wanted["share_difficulty_nano_floor"], nano, "share difficulty in billionths")
    stratum_talk.check_submit(vector, hashed)


def _check_header(raw: bytes, wanted: Vector) -> None:
    state, nonce = hashing.midstate(raw[:64]), int.from_bytes(raw[76:], "little")
    expect(wanted["header_hex"], raw.hex(), "header")
    expect(wanted["midstate_be_words"], state.hex(), "midstate")
    block_hash = hashing.header_hash(state, raw[64:76], nonce)
    expect(wanted["hash_display"], header.display(block_hash), "hash as displayed")
    difficulty = target.difficulty_of_hash(block_hash)
    expect(wanted["share_difficulty_floor"], int(difficulty), "share difficulty")
    expect_given(wanted, "share_difficulty", difficulty)


def check_header(vector: Vector) -> None:
    raw = header.header_bytes(
        _number(vector["version"]),
        header.swap_words(bytes.fromhex(vector["prevhash_stratum_text"])),
        header.from_display(vector["merkle_root_display"]),
        _number(vector["ntime"]),
        _number(vector["nbits"]),
        _number(vector["nonce"]),
    )
    _check_header(raw, vector)
    expect(header.from_display(vector["prevhash_display"]).hex(), raw[4:36].hex(), "previous hash")
    network = target.target_from_nbits(_number(vector["nbits"]))
    expect(vector["network_target"], f"{network:064x}", "network target")
    meets = target.hash_meets(hashing.double_sha256(raw), network)
    expect(vector["meets_network_target"], meets, "block test")
    state = hashing.midstate(raw[:64])
    words = header.swap_words(state).hex()
    expect(vector["midstate_le_words_getwork"], words, "midstate in getwork form")
    swapped = header.swap_words(raw).hex()
    if "getwork_data_80" in vector:
        expect(vector["getwork_data_80"], swapped, "header in getwork form")
    if "known_block_hash" in vector:
        found = header.display(hashing.double_sha256(raw))
        expect(vector["known_block_hash"], found, "block hash")


def check_midstate(vector: Vector) -> None:
    if "notify" in vector:
        notify = _notify(vector["notify"])
        extranonce1 = bytes.fromhex(vector["extranonce1"])
        extranonce2 = bytes.fromhex(vector["extranonce2"])
        whole = header.coinbase(notify.coinb1, extranonce1, extranonce2, notify.coinb2)
        root = hashing.merkle_root(whole, notify.merkle_branch)
        expect(vector["merkle_root_internal"], root.hex(), "merkle root")
        start = header.header_start(notify.version, notify.prev_hash, root)
        expect(vector["midstate_be_words"], hashing.midstate(start).hex(), "midstate")
        tail = header.header_tail(root, notify.ntime, notify.nbits)
        if "header76_hex" in vector:
            expect(vector["header76_hex"], (start + tail).hex(), "header without nonce")
    elif "header76_hex" in vector:
        raw = bytes.fromhex(vector["header76_hex"])
        expect(vector["midstate_be_words"], hashing.midstate(raw[:64]).hex(), "midstate")
    if "hash_display" in vector:
        state = bytes.fromhex(vector["midstate_be_words"])
        tail = bytes.fromhex(vector["header_tail16"])
        found = hashing.header_hash(state, tail[:12], _number(vector["nonce"]))
        expect(vector["hash_display"], header.display(found), "hash")
        difficulty = target.difficulty_of_hash(found)
        expect_given(vector, "share_difficulty", difficulty)
        expect(vector["nonce"], f"{int.from_bytes(tail[12:], 'little'):08x}", "nonce")


def check_coinbase(vector: Vector) -> None:
    fields = (vector[name] for name in ("coinb1", "extranonce1", "extranonce2", "coinb2"))
    whole = header.coinbase(*(bytes.fromhex(field) for field in fields))
    expect(vector["coinbase_hex"], whole.hex(), "coinbase")
    coinbase_hash = hashing.double_sha256(whole)
    expect(vector["coinbase_hash_internal"], coinbase_hash.hex(), "coinbase hash")
    expect(vector["coinbase_txid"], header.display(coinbase_hash), "transaction id")
    root = hashing.merkle_root(whole, [bytes.fromhex(node) for node in vector["merkle_branch"]])
    expect(vector["merkle_root_internal"], root.hex(), "merkle root")
    expect(vector["merkle_root_display"], header.display(root), "merkle root as displayed")


def check_prevhash(vector: Vector) -> None:
    internal = bytes.fromhex(vector["header_bytes"])
    expect(vector["display"], header.display(internal), "displayed")
    expect(internal, header.from_display(vector["display"]), "from display")
    expect(internal, header.swap_words(bytes.fromhex(vector["stratum_text"])), "from stratum")
    expect(vector["stratum_text"], header.swap_words(internal).hex(), "to stratum")


def check_constants(vector: Vector) -> None:
    expect(vector["diff1_target"], f"{target.DIFF1_TARGET:064x}", "target of difficulty 1")
    exact = Fraction(vector["expected_hashes_per_diff1_exact"])
    expect(exact, target.HASHES_PER_DIFFICULTY, "hashes for difficulty 1")
    expect(vector["approximation_2_32"], figures.HASHES_PER_DIFF1, "customary hashes")


def check_difficulty(vector: Vector) -> None:
    difficulty = target.parse_difficulty(vector["difficulty"])
    expect(Fraction(vector["exact_ratio"]), difficulty, "exact ratio")
    found = target.target_of(difficulty)
    expect(vector["target"], f"{found:064x}", "target")
    expect(vector["capped"], found == target.MAX_TARGET, "capped")
    expect_given(vector, "difficulty_back_float", target.difficulty_of_target(found))


def check_nbits(vector: Vector) -> None:
    nbits = _number(vector["nbits"])
    try:
        found = target.target_from_nbits(nbits)
    except ValueError as exc:
        if vector["valid"]:
            raise Mismatch(vector["target"], str(exc), "target") from exc
        return
    if not vector["valid"]:
        raise Mismatch("refused", f"{found:064x}", "target")
    expect(vector["target"], f"{found:064x}", "target")
    exact = target.network_difficulty(nbits)
    expect(Fraction(vector["difficulty_exact"]), exact, "network difficulty")
    expect(vector["difficulty_floor"], int(exact), "network difficulty, whole")
    expect_given(vector, "difficulty_float", exact)


def check_hash(vector: Vector) -> None:
    block_hash = header.from_display(vector["hash_display"])
    if not any(block_hash):
        largest = target.difficulty_of_hash(b"\x01" + bytes(31))
        expect(largest, target.difficulty_of_hash(block_hash), "difficulty of the hash zero")
        return
    found = target.difficulty_of_hash(block_hash)
    expect(Fraction(vector["share_difficulty_exact"]), found, "share difficulty")
    expect(vector["share_difficulty_floor"], int(found), "share difficulty, whole")
    expect_given(vector, "share_difficulty", found)


def check_boundary(vector: Vector) -> None:
    exact = vector.get("difficulty") or vector["difficulty_double_repr"]
    share_target = target.target_of(target.parse_difficulty(str(exact)))
    if "difficulty_double_repr" in vector:
        share_target = target.target_of(Fraction(float(vector["difficulty_double_repr"])))
    expect(vector["target"], f"{share_target:064x}", "target")
    block_hash = header.from_display(vector["hash_display"])
    expect(vector["accept"], target.hash_meets(block_hash, share_target), "accepted")


def check_negotiation(vector: Vector) -> None:
    pool = vector["pool_mask"]
    granted = parse_configure(
        {"version-rolling": pool is not None, "version-rolling.mask": pool or "00000000"}
    )
    mask = granted & _number(vector["client_mask"])
    expect(vector["effective_mask"], f"{mask:08x}", "mask")
    expect(vector["rollable_bits"], mask.bit_count(), "bits")
    free = version.free_bits(0, mask)
    expect(vector["distinct_versions"], 1 << free.bit_count(), "versions")


def check_case(vector: Vector) -> None:
    job, mask = _number(vector["job_version"]), _number(vector["mask"])
    hashed = _number(vector["rolled_header_version"])
    expect(True, version.is_allowed(hashed, job, mask), "allowed")
    bits = version.bits_to_submit(hashed, mask)
    expect(vector["bits_bip310"], f"{bits:08x}", "version bits")
    expect(vector["pool_bip310"], f"{job & ~mask | bits:08x}", "version that a pool rebuilds")


def check_roll_sequence(vector: Vector) -> None:
    job, mask = _number(vector["job_version"]), _number(vector["mask"])
    free = version.free_bits(job, mask)
    expect(vector["free_bits"], f"{free:08x}", "free bits")
    expect(vector["total"], 1 << free.bit_count(), "patterns")
    for step in vector["by_index"]:
        pattern = version.deposit(step["index"], free)
        expect(step["header_version"], f"{job | pattern:08x}", f"version {step['index']}")
        bits = version.bits_to_submit(job | pattern, mask)
        if not job & mask:
            expect(step["bits"], f"{bits:08x}", f"version bits {step['index']}")


def check_extranonce2(vector: Vector) -> None:
    text = generator.encode_extranonce2(vector["counter"], vector["size"]).hex()
    expect(vector["hex"], text, "extranonce2")


def check_space(vector: Vector) -> None:
    values = generator.extranonce2_space(vector["size"])
    expect(vector["values"], values, "values")
    expect(vector["hashes_with_nonce_only"], values << 32, "hashes")
    expect(vector["hashes_with_nonce_and_16_version_bits"], values << 48, "hashes with versions")


def check_partition(vector: Vector) -> None:
    """Hold what a shared counter gives against the ranges: each value once, none outside."""
    ranges, space = vector["ranges"], generator.extranonce2_space(vector["size"])
    expect(vector["workers"], len(ranges), "workers")
    for (_, end), (start, _) in pairwise(ranges):
        expect(end + 1, start, "next range")
    expect((0, space - 1), (ranges[0][0], ranges[-1][1]), "whole space")


def check_ntime(vector: Vector) -> None:
    latest = generator.latest_ntime(vector["job_ntime"], vector["seconds_since_job_received"])
    allowed = vector["job_ntime"] <= vector["submitted_ntime"] <= latest
    if allowed:  # ours is the tightest of all: what it allows, each known pool accepts
        for rule, accepts in vector.items():
            if isinstance(accepts, bool) and rule != "conservative_client_rule":
                expect(True, accepts, rule)
    wanted = vector["conservative_client_rule"] and vector["btcpool_0_to_600"]
    expect(wanted, allowed, "ntime within our window")


def check_accounting(vector: Vector) -> None:
    given, wanted = vector["counters"], vector["expect"]
    elapsed_s, diff1 = given["elapsed_s"], Fraction(str(given["diff1"]))
    difficulties = {
        name: Fraction(str(given[f"diff_{name}"])) for name in ("accepted", "rejected", "stale")
    }
    whole = sum(difficulties.values(), Fraction(0))
    ghs = figures.HASHES_PER_DIFF1 / 1e9 / elapsed_s
    found = {
        "utility_per_min": figures.per_minute(given["accepted"], elapsed_s),
        "work_utility_diff1_per_min": figures.per_minute(diff1, elapsed_s),
        "device_hardware_pct": figures.hardware_percent(given["hw"], diff1),
        "device_rejected_pct": figures.ratio_percent(difficulties["rejected"], diff1),
        "pool_rejected_pct": figures.ratio_percent(difficulties["rejected"], whole),
        "pool_stale_pct": figures.ratio_percent(difficulties["stale"], whole),
        "hashrate_from_diff1_ghs": float(diff1) * ghs,
        "hashrate_from_accepted_ghs": float(difficulties["accepted"]) * ghs,
    }
    for name, value in wanted.items():
        expect_close(value, found[name], name)


def check_reconnect(vector: Vector) -> None:
    follows = may_follow(vector["connected_host"], vector["requested_host"])
    expect(vector["recommended_default_follows"], follows, "follows")


CHECKS: Mapping[str, Callable[[Vector], None]] = {
    "jobs": check_job,
    "headers": check_header,
    "midstates": check_midstate,
    "coinbase_and_merkle": check_coinbase,
    "prevhash_text": check_prevhash,
    "constants": check_constants,
    "difficulty_to_target": check_difficulty,
    "nbits": check_nbits,
    "hash_to_difficulty": check_hash,
    "difficulty_boundaries": check_boundary,
    "version_rolling/negotiation": check_negotiation,
    "version_rolling/cases": check_case,
    "version_rolling/roll_sequence": check_roll_sequence,
    "version_rolling/set_version_mask": stratum_talk.check_mask_change,
    "extranonce2/encoding": check_extranonce2,
    "extranonce2/space": check_space,
    "extranonce2/partition": check_partition,
    "ntime_windows": check_ntime,
    "accounting": check_accounting,
    "reconnect_hosts": check_reconnect,
    **stratum_pools.CHECKS,
    **stratum_solo.CHECKS,
    "scenarios": stratum_conversations.check_scenario,
    "malformed": stratum_conversations.check_malformed,
}
