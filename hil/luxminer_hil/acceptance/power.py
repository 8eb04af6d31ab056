"""Undervoltage as a Raspberry Pi sees it: the supply that its sticks share.

Ref: Raspberry Pi documentation, "get_throttled"; Linux drivers/firmware/raspberrypi.c (the file in
/sys), drivers/hwmon/raspberrypi-hwmon.c (the alarm of rpi_volt).
"""

import shutil
import subprocess
from pathlib import Path

__all__ = ["read_throttled", "words_of"]

MODEL = Path("/proc/device-tree/model")
SYS = (
    Path("/sys/devices/platform/soc/soc:firmware/get_throttled"),
    Path("/sys/devices/platform/firmware/get_throttled"),
)
HWMON = Path("/sys/class/hwmon")
HWMON_NAME = "rpi_volt"
SINCE_START = 1 << 16

VCGENCMD = "vcgencmd"
LIMIT_S = 5.0

BITS = {
    0: "undervoltage now",
    1: "clock capped now",
    2: "throttled now",
    3: "soft temperature limit now",
    16: "undervoltage since the start",
    17: "clock capped since the start",
    18: "throttled since the start",
    19: "soft temperature limit since the start",
}


def read_throttled(root: Path = Path("/")) -> int | str:
    """Return the flags of the firmware as `BITS` has them; or in words why there are none."""
    for path in SYS:
        try:
            return int((root / path.relative_to("/")).read_text("ascii"), 16)
        except (OSError, ValueError):
            continue
    alarm = _alarm(root / HWMON.relative_to("/"))
    if alarm is not None:
        return SINCE_START if alarm else 0
    program = shutil.which(VCGENCMD) if root == Path("/") else None
    if program is not None:
        try:
            output = subprocess.run(
                [program, "get_throttled"], capture_output=True, timeout=LIMIT_S, check=True
            ).stdout
            return int(output.decode("ascii").partition("=")[2], 16)
        except (OSError, ValueError, subprocess.SubprocessError):
            return "vcgencmd tells nothing here"
    try:
        model = (root / MODEL.relative_to("/")).read_text("ascii", "replace").strip("\0\n ")
    except OSError:
        return "this machine is no Raspberry Pi"
    return f"{model[:60]} has neither /sys/.../get_throttled nor vcgencmd"


def _alarm(folder: Path) -> bool | None:
    """Return the alarm of kernels that show no more than this; None where there is none."""
    for chip in sorted(folder.glob("hwmon*")):
        try:
            if (chip / "name").read_text("ascii").strip() == HWMON_NAME:
                return (chip / "in0_lcrit_alarm").read_text("ascii").strip() != "0"
        except (OSError, ValueError):
            continue
    return None


def words_of(flags: int) -> list[str]:
    """Say what flags mean."""
    return [words for bit, words in BITS.items() if flags >> bit & 1]
