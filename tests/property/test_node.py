"""Solo mining: our blocks before an independent judge, and anything at all as an answer."""

import contextlib
import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer import hashing
from luxminer.errors import NodeError
from luxminer.node.block import block_of_share
from luxminer.node.job import JobMaker
from luxminer.node.reply import parse_reply, transactions_read
from luxminer.node.template import Template, parse_template
from luxminer.work.address import parse_address
from luxminer_hil.fakenode import Chain, NodeSettings
from luxminer_hil.fakenode.blocks import read_block
from tests.unit.stratum.client_rig import Miner

NOW = 1_800_000_000.0
PAYOUTS = (
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
    "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
)
TEMPLATE = Chain(NodeSettings(transactions=2), NOW).template(NOW)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(
    transactions=st.integers(0, 9),
    height=st.integers(11, 10_000_000),
    payout=st.sampled_from(PAYOUTS),
    text=st.binary(max_size=60),
    aux=st.binary(max_size=40),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_every_block_of_ours_is_right(
    transactions: int, height: int, payout: str, text: bytes, aux: bytes, seed: int
) -> None:
    chain = Chain(
        NodeSettings(transactions=transactions, height=height, aux=aux.hex(), seed=seed), NOW
    )
    value = chain.value
    template = parse_template(json.loads(json.dumps(chain.template(NOW))))
    script = parse_address(payout).script
    maker = JobMaker(
        pool_id=0,
        user=payout,
        payout=script,
        text=text,
        extranonce1=bytes(4),
        version_mask=0x1FFFE000,
    )
    job = maker.job(template, connection=1, job_id="a", clean=True, received_s=0.0)
    share = Miner().share(job, rolled=True, found_s=1.0)
    raw = block_of_share(share, template)
    assert chain.hand_in(raw, NOW) is None
    coinbase = read_block(raw).txs[0]
    assert (coinbase.outputs[0].value, coinbase.outputs[0].script) == (value, script)
    assert hashing.double_sha256(raw[:80]) == share.block_hash == chain.tip


@given(field=st.sampled_from(sorted(TEMPLATE)), value=JSON)
def test_any_field_of_a_template_may_be_anything(field: str, value: Any) -> None:
    fields = copy.deepcopy(TEMPLATE)
    fields[field] = value
    with contextlib.suppress(NodeError):
        assert isinstance(parse_template(fields), Template)


@given(field=st.sampled_from(["data", "txid", "hash"]), value=JSON)
def test_any_field_of_a_transaction_may_be_anything(field: str, value: Any) -> None:
    fields: dict[str, Any] = copy.deepcopy(TEMPLATE)
    fields["transactions"][0][field] = value
    raw = json.dumps({"result": fields, "error": None}).encode()
    with contextlib.suppress(NodeError):
        parse_template(parse_reply(raw, transactions_read))


@given(raw=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_answer_or_a_node_error(raw: bytes) -> None:
    with contextlib.suppress(NodeError):
        parse_reply(raw, transactions_read)


@given(error=JSON)
def test_any_error_can_be_told(error: Any) -> None:
    with contextlib.suppress(NodeError):
        parse_reply(json.dumps({"result": 1, "error": error}).encode())
