"""Version rolling: which version bits may vary, and what a submit says about them.

``free`` bits are those that the mask allows and the job leaves 0. Rolling only them makes the
three ways in which pools rebuild the version (replace, or, xor) agree wherever they can.

Ref: BIP310, BIP320; docs/sources.md, "Stratum".
"""

__all__ = ["bits_to_submit", "deposit", "free_bits", "is_allowed"]


def free_bits(job_version: int, mask: int) -> int:
    """Return the bits that may be rolled in this job."""
    return mask & ~job_version


def deposit(index: int, free: int) -> int:
    """Spread the bits of ``index`` over the bits of ``free``, lowest first.

    ``index`` from 0 to ``2 ** free.bit_count() - 1`` gives every pattern once.
    """
    pattern = 0
    while index:
        lowest = free & -free
        if index & 1:
            pattern |= lowest
        free ^= lowest
        index >>= 1
    return pattern


def is_allowed(version: int, job_version: int, mask: int) -> bool:
    """Tell whether a version that was hashed differs from the job's in masked bits only."""
    return (version ^ job_version) & ~mask == 0


def bits_to_submit(version: int, mask: int) -> int:
    """Return the sixth parameter of a submit as BIP310 has it: the masked bits of the version."""
    return version & mask
