"""Facts of chips that no recorded value can prove, and changes of facts that make no difference.

Module of facts -> pattern of a fact or a place in it -> why. `test_chip_facts` changes all others.
"""

from collections.abc import Mapping

__all__ = ["EQUIVALENT", "UNPROVEN"]

FOR_PEOPLE = "a name for people"
STATED = "stated by the reference in words"
BY_NAME = "known by name, never read or written by a recorded host"
SIMULATOR = "what a chip does by itself, used by the simulator alone"
WIDTH = "follows from the width of a field"
NO_MEANING = "has no meaning for this family"
NO_STICK = "no stick has this chip, only frames of it are recorded"
ONE_SIDE = "no recorded value lies where the change makes a difference"
NO_RECORD = "from another project than the one that was recorded"

HEADERS_ONLY = ("header_*", "core_groups", "versions_per_batch", "hash_count_less")
"""Of a `Family` whose chips take midstates: no meaning."""


def of_family(name: str, reason: str, *places: str) -> dict[str, str]:
    return {f"{name}.{place}": reason for place in places}


UNPROVEN: Mapping[str, Mapping[str, str]] = {
    "common": {"MAX_CHIPS": WIDTH, "GRACE_S": STATED},
    "icarus": {
        "HASH_NS": STATED,
        "MHZ": FOR_PEOPLE,
        "DETECT_ANSWER_S": STATED,
        "TASK_PAUSE_S": STATED,
        "SETTLE_S": STATED,
        "UNNAMED_*": "of the bridge's maker, whom no host has recorded",
    },
    "bm1380": {
        "BAND_TO_MHZ": ONE_SIDE,
        "CORES": STATED,
        "MIN_MHZ": STATED,
        "MAX_MHZ": STATED,
        "STEP_MHZ": "follows from the dividers",
        "JOB_ID_FIRST": STATED,
        "JOB_ID_LAST": STATED,
        "REPLY_TYPE.*": "only tells wrong nonces from junk",
        "NONCE_TYPE": "only tells wrong nonces from junk",
        "COMMAND_PAUSE_S": STATED,
        "CLOCK_SETTLE_S": STATED,
        "SETTLE_S": STATED,
    },
    "bm1384": {
        "CHIP": FOR_PEOPLE,
        "POWER_ON_MHZ": SIMULATOR,
        "CHIP_ID_REPLY": "used by the simulator alone; the driver takes any id that starts right",
        "MAX_TICKET_DIFFICULTY": "follows from the width of the field; no known stick gets there",
        "COARSE_FROM_MHZ": "follows from the formula; all vectors there are multiples of 25 MHz",
        "RAMP_INTERVAL_S": STATED,
        "SLOW_DOWN_STEP_MHZ": STATED,
        "SLOW_DOWN_INTERVAL_S": STATED,
    },
    "bm13xx": {
        "MAX_TICKET_BITS": WIDTH,
        "TICKET_CHECK*": STATED,
        "TICKET_TOO_EASY_*": STATED,
        "TICKET_RETRIES": STATED,
        "PLL_LOCKED.*": STATED,
        "POWER_ON_UART_DIVIDER": SIMULATOR,
        "START_BAUDRATE": STATED,
        "MAX_WAIT_FULLSCANS": "all vectors have a wait factor that stays below it",
        "RAMP_INTERVAL_S": STATED,
        "TELEMETRY_VERSIONS.?.has_fan": STATED,
        "FTDI_RUN_BAUDRATE": "follows from the divisor, for which the host's rate stands",
        "FTDI_STATUS_LENGTH": STATED,
        "FTDI_PACKET_LENGTH": STATED,
        "TELEMETRY_BAUDRATE": "follows from the line setup",
        "TELEMETRY_POLL_S": STATED,
        "TELEMETRY_RETRY_S": STATED,
        "TELEMETRY_TRIES": STATED,
        "TELEMETRY_VERSIONS.2.last": "only the versions that exist are recorded",
        "TELEMETRY_VERSIONS.3.*": "only the versions that exist are recorded",
        "TELEMETRY_VERSIONS.4.last": "only the versions that exist are recorded",
        "CORE_SAFE_MV": STATED,
        "HOT_C": STATED,
        "COOL_C": STATED,
        "MICRO_CHANNELS": WIDTH,
        "MICRO_SELECT.?.request*": STATED,
        "MICRO_SELECT.?.interface": STATED,
        "MICRO_SELECT.?.data": STATED,
        "MICRO_SELECT.?.pause_s": STATED,
        "MICRO_READ_S": STATED,
        "MICRO_VCORE_*": STATED,
        "MicroCommand.SET_LED": BY_NAME,
    },
    "bm1387": {
        "Register.HASH_RATE": BY_NAME,
        "Register.HASH_COUNT": BY_NAME,
        "Register.TICKET": BY_NAME,
        "Register.I2C": BY_NAME,
        "MISC_INVERT_CLOCK.*": NO_RECORD,
        "MISC_NOT_SET_BAUD.*": NO_RECORD,
        "MISC_GATE_BLOCK.*": NO_RECORD,
        "MISC_MMEN.*": NO_RECORD,
        "PLL_LOCKED_START": SIMULATOR,
        "JOBS_REMEMBERED": STATED,
        "BM1387.registers.ticket": BY_NAME,
        "BM1387.ticket_orders.*": NO_RECORD,
        "BM1387.registers.hash_count": BY_NAME,
        "BM1387.core_bits.*": NO_RECORD,
        "BM1387.job_id_step": "our choice: multiples of the number of midstates",
        **of_family("BM1387", NO_MEANING, *HEADERS_ONLY, "pll.*fast*", "pll.search_*"),
    },
    "bm1397": {
        "Register.HASH_RATE": BY_NAME,
        "Register.HASH_COUNT": BY_NAME,
        "Register.CORE_VALUE": BY_NAME,
        "Register.NONCE_ERRORS": BY_NAME,
        "Register.ANALOG_MUX": BY_NAME,
        "Register.DRIVER_STRENGTH": BY_NAME,
        "Register.PLL1": BY_NAME,
        "Register.PLL2": BY_NAME,
        "PLL_RESET": SIMULATOR,
        "MISC_RESET": SIMULATOR,
        "BM1397.registers.hash_count": BY_NAME,
        "NONCE_ADDRESS_ESP.split": ONE_SIDE,
        **of_family("BM1397", NO_MEANING, *HEADERS_ONLY, "pll.*fast*", "pll.search_*"),
        **of_family("BM1391", NO_MEANING, *HEADERS_ONLY),
        **of_family("BM1391", NO_STICK, "name", "cores", "tickets.*", "pll.*", "job_id_*"),
        **of_family("BM1391", NO_STICK, "registers.*", "id_byte.*", "nonce_address.*"),
        **of_family("BM1391", NO_STICK, "midstate_counts.*", "reply_names_register"),
        **of_family("BM1391", NO_STICK, "ticket_orders.*"),
    },
    "bm1362": {
        "Register.NONCE_OFFSET": BY_NAME,
        "Register.ADC": BY_NAME,
        "UART_RESET": SIMULATOR,
        "MISC_RESET": SIMULATOR,
        "HASH_COUNT_ORIGINAL": "we write another value",
        "BM1362.register_lengths.0": "the short form is only recorded of a BM1370",
        "BM1362.core_groups": NO_RECORD,
        "BM1362.versions_per_batch": NO_RECORD,
        "BM1362.hash_count_less": NO_RECORD,
        "BM1362.registers.hash_count": "the value is ours, so its write is not compared",
        "BM1362.registers.version": "only other chips were set to less than all versions",
        "BM1362.pll.*fast*": "the original never writes it; recorded of a BM1370",
        "BM1362.pll.search_*": NO_RECORD,
        "BM1362.pll.bands.2.above_mhz": ONE_SIDE,
        "*.nonce_address.split": ONE_SIDE,
        **of_family("BM1366", NO_STICK, "name", "cores", "tickets.*", "header_*", "job_id_*"),
        **of_family("BM1366", NO_STICK, "register_lengths.0", "reply_names_register"),
        **of_family("BM1366", NO_STICK, "versions_per_batch", "pll.bands.*", "pll.search_*"),
        **of_family("BM1366", NO_STICK, "pll.m*_mhz", "pll.step_mhz", "pll.can_stop"),
    },
    "bm1370": {
        "HASH_COUNT_ORIGINAL": "we write another value",
        "BM1370.versions_per_batch": NO_RECORD,
        "BM1370.pll.search_*": NO_RECORD,
        "BM1370.pll.bands.2.above_mhz": ONE_SIDE,
        "*.nonce_address.split": ONE_SIDE,
        "BM1370.tickets.?.above_cores": ONE_SIDE,
        "BM1370.tickets.2.*": "every A2 has too many cores for the last row",
        **of_family("BM1368", NO_STICK, "name", "cores", "tickets.*", "header_*", "job_id_*"),
        **of_family("BM1368", NO_STICK, "register_lengths.0", "reply_names_register"),
        **of_family("BM1368", NO_STICK, "versions_per_batch", "pll.bands.*", "pll.search_*"),
        **of_family("BM1368", NO_STICK, "pll.m*_mhz", "pll.step_mhz", "pll.can_stop"),
    },
}
"""Patterns of facts, or of places in them, that no vector sees."""

LOWEST = "no clock is lower, and no chain shorter"

EQUIVALENT: Mapping[str, Mapping[str, str]] = {
    "common": {},
    "icarus": {"NONCE.width": "the frame ends with it"},
    "bm1380": {
        "PLL_BAND.width": "the next bit is 0",
        "REPLY_LAST.width": "the frame ends with it",
        "REPLY_JOB_ID.width": "the next bit is 0",
    },
    "bm1384": {
        "PLL_M.width": "the register ends with it",
        "REPLY_LAST.width": "the frame ends with it",
        "REPLY_TYPE.width": "the byte ends with it",
        "REPLY_LOW.width": "the next bit is 0 in both types of reply",
    },
    "bm13xx": {
        "REPLY_TYPE.width": "the byte ends with it",
        "REPLY_CRC.*": "the check sum is compared by running it over itself",
        "REPLY_NONCE.offset": "the frame begins with it",
        "TASK_FIRST.*": "the frame begins with it",
        "TASK_START_NONCE.offset": "it is between others, which are compared",
        "TICKET_ROWS.2.above_cores": LOWEST,
        "VERSION_REGISTER_*.width": "the value has no more bits",
        "PLL_PREFIX.width": "no prefix is that wide",
        "PLL_FEEDBACK.width": "the next bits are 0 in all prefixes that are read",
        "CP2105_TELEMETRY.?.pause_s": "there is none",
        "TELEMETRY_READ_LENGTH": "what is longer is not looked at",
    },
    "bm1387": {
        "UART_DIVIDER.width": "only the place is used",
        "OPEN_CORE_JOB_IDS": "fewer frames are sent",
        "BM1387.tickets.0.above_cores": LOWEST,
        "BM1387.pll.bands.1.above_mhz": LOWEST,
        "BM1387.pll.bands.1.includes": LOWEST,
        "Register.CHIP_ADDRESS": "codecs take it from the family",
        "Register.PLL": "of writes that are ours alone; the family's is compared",
    },
    "bm1397": {
        "Register.CHIP_ID": "codecs take it from the family",
        "BM1397.core_bits.width": "the number ends with it",
        "BM1397.tickets.2.above_cores": LOWEST,
        "BM1397.pll.bands.3.above_mhz": LOWEST,
        "BM1397.pll.bands.3.includes": LOWEST,
    },
    "bm1362": {
        "Register.CHIP_ID": "codecs take it from the family",
        "UART_DIVIDER.width": "the next bits are 0 in all values that are read",
        "*.core_bits.width": "the number ends with it",
        "BM1362.tickets.2.above_cores": LOWEST,
        "BM1362.pll.bands.3.above_mhz": LOWEST,
        "BM1362.pll.bands.3.includes": LOWEST,
    },
    "bm1370": {
        "*.core_bits.width": "the number ends with it",
        "BM1370.pll.bands.3.above_mhz": LOWEST,
        "BM1370.pll.bands.3.includes": LOWEST,
    },
}
"""Changes that make no difference."""
