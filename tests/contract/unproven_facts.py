"""Changes of facts that no vector notices, and why.

`test_changed_facts` changes every fact by itself. Not on the wire: names for people, pauses,
limits, what we choose ourselves. No difference: the change cannot be seen by anybody. The rest is
on the wire, and neither a record nor `tests/vectors/reference.json` has it.
"""

from collections.abc import Mapping

__all__ = ["NOT_ON_THE_WIRE", "NO_DIFFERENCE", "STATED"]

PAUSE, LIMIT = "a pause", "a limit"
FOR_PEOPLE = "a name for people"
STATISTICS = "for statistics and protection of our own"
WORLD = "how the virtual world is, not what a chip says"

NOT_ON_THE_WIRE: Mapping[str, str] = {
    "*_S": PAUSE,
    "*.pause_s": PAUSE,
    "SETTLE.0": PAUSE,
    "AFTER_RESET.0": PAUSE,
    "MIN_*": LIMIT,
    "MAX_*": LIMIT,
    "*.min_mhz": LIMIT,
    "*.max_mhz": LIMIT,
    "BAND_TO_MHZ": LIMIT,
    "STEP_MHZ": LIMIT,
    "COARSE_FROM_MHZ": LIMIT,
    "CORE_MAX_MV": LIMIT,
    "CORE_SAFE_MV": LIMIT,
    "FAN_MAX_PERCENT": LIMIT,
    "HOT_C": LIMIT,
    "COOL_C": LIMIT,
    "MICRO_CHANNELS": LIMIT,
    "MICRO_VCORE_M*": LIMIT,
    "*_MAX_BAUD*": LIMIT,
    "BUFFER_BYTES": LIMIT,
    "SLOW_DOWN_STEP_MHZ": LIMIT,
    "TELEMETRY_TRIES": LIMIT,
    "TELEMETRY_READ_LENGTH": "a limit: what is longer is not looked at",
    "HIGHEST_JOB_ID*": LIMIT,
    "CHIP": FOR_PEOPLE,
    "*.name": FOR_PEOPLE,
    "*.product.product": FOR_PEOPLE,
    "BLOCK_ERUPTER.product": FOR_PEOPLE,
    "U?.product": FOR_PEOPLE,
    "COMPAC.product": FOR_PEOPLE,
    "TWOPAC.product": FOR_PEOPLE,
    "TERMINUS.product": FOR_PEOPLE,
    "UNNAMED_*": FOR_PEOPLE,
    "GEKKOSCIENCE.1": FOR_PEOPLE,
    "*.interfaces.?.name": FOR_PEOPLE,
    "TICKET_CHECK*": STATISTICS,
    "TICKET_TOO_EASY_*": STATISTICS,
    "TICKET_RETRIES": STATISTICS,
    "*.core_bits.*": STATISTICS,
    "*.nonce_address.split": STATISTICS,
    "NONCE_ADDRESS_ESP.split": STATISTICS,
    "*.capabilities.*": "what the service may ask of it, by its own names",
    "*.frequency_mhz": "our choice of a clock",
    "*.job_id_step": "our choice: multiples of the number of midstates",
    "PLL.search_*": "our choice among dividers",
    "CORE_AT_POWER_ON_MV": WORLD,
    "SUPPLY_V": WORLD,
    "*_RISE_C": WORLD,
    "AMBIENT_C": WORLD,
    "FULL_*": WORLD,
    "IDLE_A": WORLD,
    "FAN_COOLING": WORLD,
    "SECOND_SENSOR_SHARE": WORLD,
    "TERMINUS.chips": "how many chips are counted says the stick",
    "COMPACA?.product.chips": "how many chips are counted says the stick",
    "PACKET_BYTES": "how much is read at once",
    "READ_PACKETS": "how much is read at once",
    "RATE_TOLERANCE": "which rates are near enough",
    "HASH_NS": "how fast it is",
    "MHZ": "how fast it is",
}
"""Patterns of names and places, in all modules."""

SAME_ELSEWHERE = "codecs take it from the family"
ENDS = "the frame, the register or the byte ends with it"
BEGINS = "the frame begins with it, or something else that is compared"
ZEROS = "the next bits are 0 in all values that are read"
LOWEST = "no clock is lower, and no chain shorter"
NO_MEANING = "has no meaning for this family"
NOT_READ = "the simulator does not look at it"
HEADERS_ONLY = ("header_*", "core_groups", "versions_per_batch", "hash_count_less")
"""Of a family whose chips take midstates."""


def of(reason: str, *places: str, within: str = "") -> dict[str, str]:
    return {f"{within}{place}": reason for place in places}


NO_DIFFERENCE: Mapping[str, Mapping[str, str]] = {
    "driver bm1380": {
        **of(ZEROS, "PLL_BAND.width", "REPLY_JOB_ID.width", "REPLY_TYPE.width"),
    },
    "driver bm1384": {
        **of(ENDS, "PLL_M.width", "REPLY_TYPE.width"),
        **of(ZEROS, "REPLY_LOW.width"),
        **of("the simulator's", "POWER_ON_MHZ", "CHIP_ID_REPLY"),
    },
    "driver bm13xx": {
        **of(ENDS, "REPLY_TYPE.width", "VERSION_REGISTER_*.width", "PLL_LOCKED.width"),
        **of("compared by running the check sum over itself", "REPLY_CRC.*"),
        **of(BEGINS, "REPLY_NONCE.offset", "TASK_FIRST.*", "TASK_START_NONCE.offset"),
        **of(LOWEST, "TICKET_ROWS.2.above_cores"),
        **of(ZEROS, "PLL_PREFIX.width", "PLL_FEEDBACK.width"),
        **of("the simulator's", "POWER_ON_UART_DIVIDER"),
    },
    "driver bm1387": {
        **of(SAME_ELSEWHERE, "Register.CHIP_ADDRESS", "Register.PLL"),
        **of("the simulator's", "MISC_NOT_SET_BAUD.*", "Register.HASH_RATE"),
        **of("the simulator's", "Register.HASH_COUNT", "Register.I2C", "Register.TICKET"),
        **of("only the place is used", "UART_DIVIDER.width"),
        **of("fewer frames are sent", "OPEN_CORE_JOB_IDS"),
        **of(NO_MEANING, "PLL.*fast*", "BM1387.registers.hash_count"),
        **of(NO_MEANING, *HEADERS_ONLY, within="BM1387."),
        **of(LOWEST, "PLL.bands.1.above_mhz", "PLL.bands.1.includes"),
        **of(LOWEST, "BM1387.tickets.0.above_cores"),
    },
    "driver bm1397": {
        **of(SAME_ELSEWHERE, "Register.CHIP_ID"),
        **of("the simulator's", "Register.HASH_RATE", "Register.HASH_COUNT", "PLL_RESET"),
        **of("the simulator's", "Register.CORE_VALUE", "Register.NONCE_ERRORS", "MISC_RESET"),
        **of("the simulator's", "Register.ANALOG_MUX", "Register.DRIVER_STRENGTH"),
        **of("the simulator's", "Register.PLL1", "Register.PLL2"),
        **of(NO_MEANING, "PLL.*fast*", "BM1397.registers.hash_count"),
        **of(NO_MEANING, "header_*", "versions_per_batch", "hash_count_less", within="BM1397."),
        **of(LOWEST, "PLL.bands.3.above_mhz", "PLL.bands.3.includes"),
    },
    "driver bm1362": {
        **of(SAME_ELSEWHERE, "Register.CHIP_ID"),
        **of("the simulator's", "Register.NONCE_OFFSET", "Register.ADC", "UART_RESET"),
        **of("the simulator's", "MISC_RESET"),
        **of(ZEROS, "UART_DIVIDER.width"),
        **of(LOWEST, "PLL.bands.3.above_mhz", "PLL.bands.3.includes"),
        **of("no clock is between the two values", "PLL.bands.2.above_mhz"),
    },
    "simulator, facts of bm1380": of("a board of the same row", "U2.chips"),
    "simulator, facts of bm1384": {
        **of(ENDS, "PLL_M.width", "REPLY_TYPE.width", "PLL_REPLY_*.width", "TASK_TAIL.width"),
        **of(BEGINS, "NONCE.offset"),
        **of(ZEROS, "REPLY_LOW.*"),
    },
    "simulator, facts of bm13xx": {
        **of(ENDS, "COMMAND_OPCODE.width", "COMMAND_LENGTH.width", "VERSION_REGISTER_MASK.width"),
        **of(ENDS, "VERSION_BITS", "PLL_LOCKED.width"),
        **of(BEGINS, "REPLY_*.offset"),
        **of(ZEROS, "PLL_FEEDBACK.width"),
        **of(NOT_READ, "TELEMETRY_VERSIONS.[0123].mask"),
        **of("the next versions have the same values", "TELEMETRY_VERSIONS.2.last"),
    },
    "simulator, facts of bm1387": {
        **of(ZEROS, "UART_DIVIDER.width", "MISC_NOT_SET_BAUD.width"),
        **of(NOT_READ, "BM1387.chip_id", "BM1387.registers.version", "BM1387.id_byte.job_*"),
        **of(NOT_READ, "BM1387.midstate_counts.*", "BM1387.versions_per_batch"),
    },
    "simulator, facts of bm1397": {
        **of(NOT_READ, "BM1397.chip_id", "BM1397.registers.version", "BM1397.id_byte.job_shift"),
        **of(NOT_READ, "BM1397.midstate_counts.*", "BM1397.versions_per_batch"),
        **of(NOT_READ, "COMPACF.core_mv"),
    },
    "simulator, facts of bm1362": {
        **of(ZEROS, "UART_DIVIDER.width"),
        **of(NOT_READ, "BM1362.chip_id", "BM1362.registers.version", "COMPACA1.rate_scale"),
    },
    "simulator, facts of bm1370": {
        **of(NOT_READ, "BM13??.chip_id", "BM13??.registers.version", "COMPACA2.rate_scale"),
    },
    "simulator, families.registers": of("wider than any register", "REGISTER_BITS"),
    "simulator, families.bm1362": of(ENDS, "VERSION_AUTO.width"),
    "virtual bridge, cp210x": of("rates are near enough", "CLOCK_HZ"),
    "virtual bridge, ftdi": {
        **of("hosts make all pins outputs", "MICRO_PIN", "RESET_PIN"),
        **of("hosts use one mode", "MODES.?"),
    },
    "virtual bridge, descriptors": of("strings are found by their index", "FIRST_INTERFACE_INDEX"),
    "virtual bridge, device": {
        **of("the front end keeps the address", "Standard.SET_ADDRESS"),
        **of("no recipient has a higher number", "RECIPIENT_MASK"),
    },
}
"""Subject -> pattern of places -> why the change cannot be seen."""

NO_VALUE = "that it is there is stated, but no value at power-on"
TWO_ORDERS = "two sources contradict each other, and no stick was seen with a mask"
DATA_SHEET = "from the maker's data sheet or application note"
UNKNOWN = "marked as unproven where it stands"

STATED: Mapping[str, Mapping[str, str]] = {
    "simulator, telemetry": of("the content of an answer is not known", "ACKNOWLEDGED"),
    "simulator, families.bm1380": of(UNKNOWN, "POWER_ON_PLL"),
    "simulator, families.bm1387": {
        **of(UNKNOWN, "POWER_ON_PLL"),
        **of(NO_VALUE, "DESIGN.power_on?Register.HASH_*", "DESIGN.power_on?Register.I2C?"),
        **of(TWO_ORDERS, "DESIGN.is_ticket_reversed"),
    },
    "simulator, families.bm1397": {
        **of(NO_VALUE, "CORE_VALUE?", "NONCE*", "CLOCK*", within="DESIGN.power_on?Register."),
    },
    "simulator, families.bm1362": of(UNKNOWN, "POWER_ON_PLL"),
    "virtual bridge, cp210x": {
        **of(DATA_SHEET, "usb_version", "device_version", "control_packet_bytes", within="CP2105."),
        **of(DATA_SHEET, "max_power_ma", "attributes", "interfaces.?.sub_class", within="CP2105."),
        **of(DATA_SHEET, "interfaces.?.protocol", within="CP2105."),
    },
    "virtual bridge, ftdi": {
        **of(DATA_SHEET, "OVERRUN", "Request.WRITE_EEPROM", "Request.ERASE_EEPROM"),
    },
}
"""Subject -> pattern of places -> why no record proves what a reference or a data sheet says."""
