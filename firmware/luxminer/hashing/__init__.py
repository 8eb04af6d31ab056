"""SHA-256 for block headers: verify what chips claim, search nonces, merkle roots.

The only door to the compiled part, which is required. Byte order: hashes, midstates and tails are
bytes in header order, ``nonce`` is the number in the header (little-endian), ``..._be`` a position
(big-endian reading of the same four bytes), ``target_le`` 32 bytes little-endian.

The arithmetic is done by a *kernel*, chosen at import: the first of `kernels` unless the variable
``LUXMINER_SHA256_KERNEL`` names another one. A kernel uses no instructions but those in its name:

- ``sha-ni``, ``armv8-sha2``: the SHA instructions of x86 and ARM, three headers interleaved in
  `scan` and `verify_batch`; with ``-x1`` one at a time;
- ``avx512``, ``avx2``, ``sse2``, ``neon``: 16, 8, 4, 4 headers in vector lanes in `scan` and
  `verify_batch`, plain C for all that hashes one thing at a time;
- ``sha-ni+avx512``: vector lanes for many headers, SHA instructions for one;
- ``portable``: plain C.
"""

try:
    from luxminer.hashing._sha256 import (
        KERNEL_VARIABLE,
        double_sha256,
        header_hash,
        kernel,
        kernels,
        merkle_root,
        midstate,
        midstates,
        scan,
        swap32,
        use_kernel,
        verify,
        verify_batch,
        work_parts,
    )
except ImportError as exc:
    raise ImportError(
        f"luxminer.hashing cannot load its compiled part ({exc}); build it again with"
        " `pip install .` in the source tree, which needs a C compiler and the headers of this"
        " Python (Debian: apt install gcc libc6-dev python3-dev)",
        name=exc.name,
        path=exc.path,
    ) from exc

__all__ = [
    "KERNEL_VARIABLE",
    "double_sha256",
    "header_hash",
    "kernel",
    "kernels",
    "merkle_root",
    "midstate",
    "midstates",
    "scan",
    "swap32",
    "use_kernel",
    "verify",
    "verify_batch",
    "work_parts",
]
