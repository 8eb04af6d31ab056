"""What the builder of the machine says where it cannot build."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
TOOLS = ("bash", "dirname", "uname", "sha256sum", "cat")


def test_missing_packages_are_named_in_one_line(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    done = subprocess.run(
        [tools / "bash", ROOT / "hil/guest/build.sh", tmp_path / "out"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("not run: ")
    assert "apt-get install" in lines[0]
    assert "qemu-system-arm" in lines[0]
    assert not (tmp_path / "out").exists()
