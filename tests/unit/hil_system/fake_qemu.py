"""A program in QEMU's place: joins the shell's socket and answers orders as a guest would.

Run as ``qemu-system-aarch64``; what it was called with goes to ``argv`` in the folder of its logs.
"""

import re
import socket
import subprocess
import sys
from pathlib import Path

WORDS = " ".join(sys.argv[1:])


def main() -> int:
    logs = Path(re.findall(r"-serial file:(\S+)/console\.log", WORDS)[0])
    (logs / "argv").write_text("\n".join(sys.argv[1:]))
    if (logs / "refuse").exists():
        print("this QEMU refuses", file=sys.stderr)
        return 1
    with socket.socket(socket.AF_UNIX) as shell:
        shell.connect(re.findall(r"socket,id=shell,path=(\S+)", WORDS)[0])
        orders = shell.makefile("r")
        shell.sendall(b"noise\n@@ ready\n")
        for order in orders:
            if order.startswith("panic"):
                (logs / "console.log").write_text("Kernel panic - not syncing\n")
                return 0
            if "poweroff" in order:
                return 0
            done = subprocess.run(
                ["/bin/sh", "-c", order], capture_output=True, text=True, check=False
            )
            answer = f"{done.stdout}{done.stderr}\n@@ {done.returncode}\n"
            shell.sendall(answer.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
