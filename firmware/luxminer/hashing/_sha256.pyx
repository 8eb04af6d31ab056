# cython: language_level=3, binding=True, embedsignature=True
"""Python's door to the SHA-256 kernels: checks every length and range, then calls C.

The arithmetic is in ``kernels/``. A wrong length or range raises ValueError that names it, a
wrong type TypeError.
"""

import os

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from luxminer.errors import ConfigError

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object, int *) except? -1

cdef extern from "kernels/kernel.h" nogil:
    struct lux_search:
        pass

    struct lux_kernel:
        const char *name
        int (*usable)() noexcept nogil
        uint32_t (*scan)(
            const lux_search *, uint32_t, uint64_t, uint32_t *, uint32_t) noexcept nogil

    const lux_kernel *const *lux_kernels

    void lux_prepare(lux_search *, const uint8_t *, const uint8_t *)
    void lux_set_target(lux_search *, const uint8_t *)
    void lux_midstate(const lux_kernel *, const uint8_t *, uint8_t *)
    void lux_double(const lux_kernel *, const uint8_t *, size_t, uint8_t *)
    void lux_header_hash(
        const lux_kernel *, const uint8_t *, const uint8_t *, const uint8_t *, uint8_t *)
    bint lux_verify(
        const lux_kernel *, const uint8_t *, const uint8_t *, const uint8_t *, const uint8_t *)
    void lux_verify_batch(
        const lux_kernel *, const uint8_t *, const uint8_t *, const uint8_t *,
        const uint8_t *, size_t, uint8_t *)

KERNEL_VARIABLE = "LUXMINER_SHA256_KERNEL"

cdef enum:
    HASH_SIZE = 32
    TAIL_SIZE = 12
    BLOCK_SIZE = 64
    NONCE_SIZE = 4
    # Below so many nonces a batch is done before another thread could have used the time.
    BATCH_WITHOUT_GIL = 256
    # Nearly all coinbases are smaller; others get memory of their own.
    SMALL_COINBASE = 1024
    # A search looks for signals after so many positions: 40 ms on a fast core, seconds on a Pi.
    SCAN_STEP = 1 << 20
    SCAN_LIMIT_MAX = 1 << 20

cdef uint64_t POSITIONS = <uint64_t>1 << 32

cdef const lux_kernel *in_use = NULL


cdef inline const uint8_t *sized(bytes data, Py_ssize_t size, str what) except NULL:
    if PyBytes_GET_SIZE(data) != size:
        raise ValueError(f"{what} has {len(data)} bytes; it must have {size}")
    return <const uint8_t *>PyBytes_AS_STRING(data)


cdef inline uint64_t ranged(object value, uint64_t low, uint64_t high, str what) except? 0:
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or number < <long long>low or number > <long long>high:
        raise ValueError(f"{what} is {value}; it must be between {low} and {high}")
    return <uint64_t>number


cdef inline uint32_t word(object value, str what) except? 0:
    return <uint32_t>ranged(value, 0, POSITIONS - 1, what)


cdef inline void put_le(uint8_t *place, uint32_t number) noexcept:
    place[0] = <uint8_t>number
    place[1] = <uint8_t>(number >> 8)
    place[2] = <uint8_t>(number >> 16)
    place[3] = <uint8_t>(number >> 24)


def swap32(n):
    """Return the 32-bit number whose four bytes are those of ``n`` in reverse order."""
    cdef uint32_t number = word(n, "n")
    return number << 24 | (number & 0xFF00) << 8 | (number >> 8 & 0xFF00) | number >> 24


def midstate(bytes header64 not None):
    """Return the SHA-256 state after header bytes 0 to 63: eight big-endian words, 32 bytes."""
    cdef const uint8_t *block = sized(header64, BLOCK_SIZE, "header64")
    cdef uint8_t state[HASH_SIZE]
    lux_midstate(in_use, block, state)
    return PyBytes_FromStringAndSize(<char *>state, HASH_SIZE)


def midstates(bytes header64 not None, versions):
    """Return one midstate for each version, put into header bytes 0 to 3 (little-endian)."""
    cdef uint8_t block[BLOCK_SIZE]
    cdef uint8_t state[HASH_SIZE]
    memcpy(block, sized(header64, BLOCK_SIZE, "header64"), BLOCK_SIZE)
    states = []
    for version in versions:
        put_le(block, word(version, "version"))
        lux_midstate(in_use, block, state)
        states.append(PyBytes_FromStringAndSize(<char *>state, HASH_SIZE))
    return tuple(states)


def double_sha256(bytes data not None):
    """Return the SHA-256 of the SHA-256 of ``data``, of any length."""
    cdef uint8_t digest[HASH_SIZE]
    lux_double(in_use, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), digest)
    return PyBytes_FromStringAndSize(<char *>digest, HASH_SIZE)


def merkle_root(bytes coinbase not None, branch):
    """Return the merkle root, in header order.

    ``coinbase`` is the whole transaction (without witness), ``branch`` the 32-byte hashes to its
    right from the leaves up, in the byte order of ``mining.notify``.
    """
    cdef uint8_t pair[2 * HASH_SIZE]
    lux_double(
        in_use, <const uint8_t *>PyBytes_AS_STRING(coinbase), PyBytes_GET_SIZE(coinbase), pair)
    for step in branch:
        if not isinstance(step, bytes):
            raise TypeError(f"branch holds {type(step).__name__}; it must hold bytes")
        memcpy(pair + HASH_SIZE, sized(step, HASH_SIZE, "hash in branch"), HASH_SIZE)
        lux_double(in_use, pair, 2 * HASH_SIZE, pair)
    return PyBytes_FromStringAndSize(<char *>pair, HASH_SIZE)


def work_parts(
    bytes prefix not None,
    bytes extranonce2 not None,
    bytes suffix not None,
    branch,
    bytes prev_hash not None,
    ntime,
    nbits,
    versions,
):
    """Return merkle root, midstates and tail of a job with this extranonce2, in one call.

    The coinbase is ``prefix + extranonce2 + suffix``; ``branch`` as in `merkle_root`; ``prev_hash``
    in header order; one midstate for each of ``versions``; the tail is header bytes 64 to 75.
    """
    cdef Py_ssize_t before = PyBytes_GET_SIZE(prefix), middle = PyBytes_GET_SIZE(extranonce2)
    cdef Py_ssize_t after = PyBytes_GET_SIZE(suffix), size = before + middle + after
    cdef uint8_t small[SMALL_COINBASE]
    cdef uint8_t *coinbase = small
    cdef uint8_t pair[2 * HASH_SIZE]
    cdef uint8_t header[BLOCK_SIZE + TAIL_SIZE]
    cdef uint8_t state[HASH_SIZE]
    if size > SMALL_COINBASE:
        coinbase = <uint8_t *>PyMem_Malloc(size)
        if coinbase is NULL:
            raise MemoryError
    memcpy(coinbase, PyBytes_AS_STRING(prefix), before)
    memcpy(coinbase + before, PyBytes_AS_STRING(extranonce2), middle)
    memcpy(coinbase + before + middle, PyBytes_AS_STRING(suffix), after)
    lux_double(in_use, coinbase, size, pair)
    if coinbase is not small:
        PyMem_Free(coinbase)
    for step in branch:
        if not isinstance(step, bytes):
            raise TypeError(f"branch holds {type(step).__name__}; it must hold bytes")
        memcpy(pair + HASH_SIZE, sized(step, HASH_SIZE, "hash in branch"), HASH_SIZE)
        lux_double(in_use, pair, 2 * HASH_SIZE, pair)
    memcpy(header + 4, sized(prev_hash, HASH_SIZE, "prev_hash"), HASH_SIZE)
    memcpy(header + 36, pair, HASH_SIZE)
    put_le(header + 68, word(ntime, "ntime"))
    put_le(header + 72, word(nbits, "nbits"))
    states = []
    for version in versions:
        put_le(header, word(version, "version"))
        lux_midstate(in_use, header, state)
        states.append(PyBytes_FromStringAndSize(<char *>state, HASH_SIZE))
    return (
        PyBytes_FromStringAndSize(<char *>pair, HASH_SIZE),
        tuple(states),
        PyBytes_FromStringAndSize(<char *>header + BLOCK_SIZE, TAIL_SIZE),
    )


def header_hash(bytes midstate not None, bytes tail not None, nonce):
    """Return the 32-byte hash of a header, in header order; reversed it is what explorers show.

    ``tail`` is header bytes 64 to 75, ``nonce`` the little-endian reading of bytes 76 to 79.
    """
    cdef const uint8_t *state = sized(midstate, HASH_SIZE, "midstate")
    cdef const uint8_t *rest = sized(tail, TAIL_SIZE, "tail")
    cdef uint8_t digest[HASH_SIZE]
    cdef uint8_t last[NONCE_SIZE]
    put_le(last, word(nonce, "nonce"))
    lux_header_hash(in_use, state, rest, last, digest)
    return PyBytes_FromStringAndSize(<char *>digest, HASH_SIZE)


def verify(bytes midstate not None, bytes tail not None, nonce, bytes target_le not None):
    """Return whether the hash of a header, read as a little-endian number, is at most the target.

    ``tail`` and ``nonce`` as for `header_hash`; the target is 32 bytes, little-endian. Keeps the GIL.
    """
    cdef uint8_t last[NONCE_SIZE]
    # Freeing the GIL would cost half of what the hash costs.
    put_le(last, word(nonce, "nonce"))
    return lux_verify(
        in_use,
        sized(midstate, HASH_SIZE, "midstate"),
        sized(tail, TAIL_SIZE, "tail"),
        last,
        sized(target_le, HASH_SIZE, "target_le"),
    )


def verify_batch(bytes midstate not None, bytes tail not None, nonces, bytes target_le not None):
    """Return one byte for each nonce: 1 where `verify` would return True, else 0.

    ``nonces`` is any contiguous buffer of 32-bit little-endian numbers, such as ``array("I")``.
    The GIL is free during batches of 256 and more.
    """
    cdef const uint8_t *state = sized(midstate, HASH_SIZE, "midstate")
    cdef const uint8_t *rest = sized(tail, TAIL_SIZE, "tail")
    cdef const uint8_t *target = sized(target_le, HASH_SIZE, "target_le")
    cdef const lux_kernel *kernel = in_use
    cdef const uint8_t *given
    cdef uint8_t *meets
    cdef size_t count
    cdef Py_buffer view
    PyObject_GetBuffer(nonces, &view, PyBUF_SIMPLE)
    try:
        if view.len % NONCE_SIZE:
            raise ValueError(
                f"nonces has {view.len} bytes; it must have {NONCE_SIZE} for each nonce")
        count = view.len // NONCE_SIZE
        given = <const uint8_t *>view.buf
        result = PyBytes_FromStringAndSize(NULL, count)
        meets = <uint8_t *>PyBytes_AS_STRING(result)
        if count < BATCH_WITHOUT_GIL:
            lux_verify_batch(kernel, state, rest, target, given, count, meets)
        else:
            with nogil:
                lux_verify_batch(kernel, state, rest, target, given, count, meets)
        return result
    finally:
        PyBuffer_Release(&view)


def scan(
    bytes midstate not None, bytes tail not None, first_be, count, bytes target_le not None,
    limit=64,
):
    """Search ``count`` positions from ``first_be`` on for hashes that are at most the target.

    A position is the big-endian reading of header bytes 76 to 79, the order in which chips count:
    `swap32` of the nonce. Returns the positions found, ascending. The search stops behind the
    ``limit``-th (at most 2**20): a list of that length says nothing of later positions, and the
    caller goes on from its last entry plus one. ``first_be + count`` may be 2**32 at most.
    The GIL is free, but for a look at signals every 2**20 positions.
    """
    cdef lux_search search
    cdef uint32_t first = word(first_be, "first_be")
    cdef uint64_t left = ranged(count, 0, POSITIONS - first, "count")
    cdef uint32_t most = <uint32_t>ranged(limit, 1, SCAN_LIMIT_MAX, "limit")
    cdef const lux_kernel *kernel = in_use
    cdef uint32_t hits = 0
    cdef uint64_t step
    cdef uint32_t *found
    lux_prepare(&search, sized(midstate, HASH_SIZE, "midstate"), sized(tail, TAIL_SIZE, "tail"))
    lux_set_target(&search, sized(target_le, HASH_SIZE, "target_le"))
    # There cannot be more hits than positions.
    found = <uint32_t *>PyMem_Malloc(min(<uint64_t>most, left) * sizeof(uint32_t))
    if found is NULL:
        raise MemoryError
    try:
        while left > 0 and hits < most:
            step = min(left, <uint64_t>SCAN_STEP)
            with nogil:
                hits += kernel.scan(&search, first, step, found + hits, most - hits)
            PyErr_CheckSignals()
            first += <uint32_t>step
            left -= step
        return [found[i] for i in range(hits)]
    finally:
        PyMem_Free(found)


cdef tuple usable_names():
    cdef const lux_kernel *const *kernel = lux_kernels
    names = []
    while kernel[0] is not NULL:
        if kernel[0].usable():
            names.append(kernel[0].name.decode())
        kernel += 1
    return tuple(names)


def kernels():
    """Return the names of the kernels that this machine can run, best first."""
    return usable_names()


def kernel():
    """Return the name of the kernel in use."""
    return in_use.name.decode()


def use_kernel(str name not None):
    """Compute with another kernel from now on, in the whole process. Meant for tests and benches."""
    global in_use
    cdef const lux_kernel *const *choice = lux_kernels
    while choice[0] is not NULL:
        if choice[0].name.decode() == name and choice[0].usable():
            in_use = choice[0]
            return
        choice += 1
    raise ValueError(f"no SHA-256 kernel {name!r} here; choose one of {', '.join(usable_names())}")


def _start():
    wanted = os.environ.get(KERNEL_VARIABLE, "")
    try:
        use_kernel(wanted or usable_names()[0])
    except ValueError as exc:
        cure = f"choose one of {', '.join(usable_names())}, or leave it unset"
        raise ConfigError(
            f"this machine has no SHA-256 kernel {wanted!r}",
            key=KERNEL_VARIABLE, value=wanted, cure=cure,
        ) from exc


_start()
