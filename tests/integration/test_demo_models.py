"""``luxminer demo`` with products that are not its usual one: slow, fast, without a name on USB."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def demo(model: str, duration_s: float, sticks: int) -> subprocess.CompletedProcess[str]:
    options = ["--port=0", "--http-port=0", f"--duration={duration_s}", f"--sticks={sticks}"]
    return subprocess.run(
        [sys.executable, "-m", "luxminer", "demo", f"--model={model}", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("model", ["u1", "newpac", "terminusa2"])
def test_a_product_mines_with_its_books_in_order(model: str) -> None:
    result = demo(model, 7, 2)
    shown = result.stdout + result.stderr
    assert result.returncode == 0, shown
    assert "Traceback" not in shown
    books = re.findall(r"^all +(\d+) =(.+)$", result.stdout, re.MULTILINE)
    assert len(books) == 2, shown
    for whole, parts in books:
        assert int(whole) == sum(map(int, parts.split("+"))) > 0
    assert re.search(r"^accepted shares: [1-9]", result.stdout, re.MULTILINE)


def test_a_demo_of_slow_sticks_waits_for_its_first_share() -> None:
    """Three Block Erupters find a nonce in 4 s on average, so the time given is over before."""
    result = demo("blockerupter", 0.1, 3)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^accepted shares: [1-9]", result.stdout, re.MULTILINE)
    assert "no share yet, which takes 4 s on average" in result.stderr
