"""The stubs of the compiled modules say what the modules really have."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["luxminer.hashing._sha256", "luxminer_drivers.bm13xx._seal"])
def test_the_stub_agrees_with_the_compiled_module(module: str) -> None:
    command = [sys.executable, "-m", "mypy.stubtest", module]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
