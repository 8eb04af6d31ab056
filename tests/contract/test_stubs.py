"""The stub of the compiled module says what the module really has."""

import subprocess
import sys


def test_the_stub_agrees_with_the_compiled_module() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "luxminer.hashing._sha256"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
