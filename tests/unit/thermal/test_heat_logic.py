"""Guard, ATM, fan curve, sysfs and state file, each by itself."""

from pathlib import Path

import pytest

from luxminer.config.schema import AtmConfig, FanConfig, ThermalConfig
from luxminer.errors import CommandError, ConfigError
from luxminer.thermal.atm import Atm
from luxminer.thermal.fan import HYSTERESIS_C, PwmFan, speed_at
from luxminer.thermal.guard import COOLER_C, HARDER_S, MAX_STEPS, SOFTER_S, Guard
from luxminer.thermal.leds import Leds
from luxminer.thermal.memory import FILE_NAME, Memory, load, save
from luxminer.thermal.settings import check_settings

LIMITS = ThermalConfig(target_c=60, hot_c=70, dangerous_c=80)
EARLY_MINUTES = AtmConfig(enabled=True, startup_minutes=1, post_ramp_minutes=2, temp_window=5)


def test_a_hot_stick_steps_down_slowly_and_up_more_slowly() -> None:
    guard = Guard()
    guard.look(70, 0, LIMITS, may_step=True)
    guard.look(75, HARDER_S - 1, LIMITS, may_step=True)
    assert (guard.steps, guard.is_hot) == (1, True)
    guard.look(75, HARDER_S, LIMITS, may_step=True)
    assert guard.steps == 2
    guard.look(70 - COOLER_C, HARDER_S + SOFTER_S, LIMITS, may_step=True)
    assert (guard.steps, guard.is_hot) == (2, False)
    guard.look(70 - COOLER_C - 1, HARDER_S + SOFTER_S, LIMITS, may_step=True)
    assert guard.steps == 1
    for number in range(MAX_STEPS * 2):
        guard.look(79, 1e6 + number * HARDER_S, LIMITS, may_step=True)
    assert guard.steps == MAX_STEPS


def test_a_dangerous_stick_rests_for_its_time_and_begins_lower() -> None:
    guard = Guard()
    guard.look(80, 0, LIMITS, may_step=True)
    assert "80 C" in guard.rest_words
    guard.look(None, 299, LIMITS, may_step=True)
    assert guard.rest_words
    guard.look(None, 300, LIMITS, may_step=True)
    assert (guard.rest_words, guard.steps) == ("", 1)


def test_without_recovery_it_rests_for_good() -> None:
    guard = Guard()
    limits = ThermalConfig(hot_c=80, dangerous_c=80, overtemp_auto_recovery=False)
    guard.look(80, 0, limits, may_step=True)
    guard.look(None, 1e9, limits, may_step=True)
    assert guard.is_for_good
    assert guard.rest_words
    guard.release()
    assert not guard.rest_words


def test_a_stick_that_must_have_a_sensor_rests_without_one() -> None:
    limits = ThermalConfig(min_per_board=1, max_bad_readings=2)
    guard = Guard()
    for number in range(3):
        guard.miss_sensor(number, limits)
        assert not guard.rest_words
        guard.look(None, number, limits, may_step=True)
    guard.miss_sensor(3, limits)
    assert "no temperature" in guard.rest_words


def look(atm: Atm, heat_c: float | None, now_s: float, owner_step: int | None = 0) -> int:
    atm.look(heat_c, now_s, EARLY_MINUTES, hot_c=70, owner_step=owner_step)
    return atm.steps


def test_atm_waits_steps_down_holds_in_its_window_and_steps_up() -> None:
    atm = Atm(0.0)
    assert look(atm, 90, 59) == 0
    assert look(atm, 70, 60) == -1
    assert look(atm, 90, 179) == -1
    assert look(atm, 90, 180) == -2
    assert look(atm, 66, 1000) == -2
    assert look(atm, None, 1001) == -2
    assert look(atm, 64, 1002) == -1
    assert look(atm, 64, 1200) == 0
    assert look(atm, 20, 2000) == 0, "no higher than max_profile"


def test_atm_stays_between_its_profiles_whatever_the_owner_has_set() -> None:
    config = AtmConfig(enabled=True, min_profile="-2", max_profile="+1")
    atm = Atm(0.0)
    for number in range(20):
        atm.look(99, 1000.0 * (number + 1), config, hot_c=70, owner_step=0)
    assert atm.steps == -2
    for number in range(20):
        atm.look(20, 1e6 + 1000.0 * number, config, hot_c=70, owner_step=0)
    assert atm.steps == 1
    atm.look(None, 2e6, config, hot_c=70, owner_step=3)
    assert atm.steps == -2, "the owner's +3 is above the highest profile"
    atm.look(None, 2e6, AtmConfig(), hot_c=70, owner_step=3)
    assert atm.steps == 0


@pytest.mark.parametrize(
    ("heat_c", "now", "speed"),
    [(20, 0, 20), (40, 0, 20), (50, 0, 60), (60, 0, 100), (99, 0, 100), (None, 0, 100)],
)
def test_the_curve_of_a_fan(heat_c: float | None, now: int, speed: int) -> None:
    assert speed_at(heat_c, now, FanConfig(), LIMITS) == speed


def test_a_fan_slows_down_only_when_it_is_clearly_cooler() -> None:
    fan = FanConfig()
    fast = speed_at(50, 0, fan, LIMITS)
    assert speed_at(50 - HYSTERESIS_C + 1, fast, fan, LIMITS) == fast
    assert speed_at(50 - HYSTERESIS_C - 1, fast, fan, LIMITS) < fast
    assert speed_at(99, 20, FanConfig(speed=33), LIMITS) == 33


FILES = {"name": "pwmfan", "pwm1": "70", "pwm1_enable": "2", "fan1_input": "2100"}


def hwmon(root: Path) -> Path:
    folder = root / "sys/class/hwmon/hwmon2"
    folder.mkdir(parents=True)
    for name, text in {
        "name": "pwmfan",
        "pwm1": "70",
        "pwm1_enable": "2",
        "fan1_input": "2100",
    }.items():
        (folder / name).write_text(f"{text}\n")
    return folder


def test_a_fan_of_hwmon_is_taken_and_given_back(tmp_path: Path) -> None:
    folder = hwmon(tmp_path)
    fan = PwmFan("pwmfan", tmp_path)
    assert (folder / "pwm1_enable").read_text() == "2\n", "not before the first order"
    assert fan.set(40)
    assert (folder / "pwm1").read_text() == "102"
    assert (folder / "pwm1_enable").read_text() == "1"
    assert (fan.rpm, fan.percent) == (2100, 40)
    fan.release()
    assert (folder / "pwm1_enable").read_text() == "2"


def test_a_fan_on_a_channel_gets_a_period_and_runs_on_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/pwm/pwmchip0/pwm0"
    folder.mkdir(parents=True)
    for name in ("period", "duty_cycle", "enable"):
        (folder / name).write_text("0\n")
    fan = PwmFan("pwmchip0/pwm0", tmp_path)
    assert fan.set(50)
    assert [(folder / name).read_text() for name in ("period", "duty_cycle", "enable")] == [
        *("40000", "20000", "1")
    ]
    fan.release()
    assert (folder / "duty_cycle").read_text() == "40000"
    assert fan.rpm is None


def test_a_fan_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    hwmon(tmp_path)
    for name in ("other", "pwmchip0/pwm0", "../../x/y"):
        with pytest.raises(ConfigError):
            PwmFan(name, tmp_path)
    with pytest.raises(ConfigError, match="there are: pwmfan"):
        PwmFan("other", tmp_path)


def test_lights_are_set_and_given_back(tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/leds/ACT"
    folder.mkdir(parents=True)
    (folder / "trigger").write_text("none timer [mmc0] default-on\n")
    (folder / "brightness").write_text("0\n")
    leds = Leds(tmp_path)
    leds.set("green", "on")
    assert (folder / "brightness").read_text() == "1"
    leds.set("green", "blink")
    assert ((folder / "trigger").read_text(), leds.states) == ("timer", {"green": "blink"})
    leds.release()
    assert (folder / "trigger").read_text() == "mmc0"
    with pytest.raises(CommandError, match="no red LED"):
        leds.set("red", "on")


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert load(tmp_path) == Memory()
    memory = Memory(is_asleep=True, atm_steps=-3)
    save(tmp_path, memory)
    assert load(tmp_path) == memory


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"is_asleep": 1, "atm_steps": 0}', "\xff", "[" * 4096]
)
def test_a_spoilt_state_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises((ValueError, RecursionError)):
        load(tmp_path)


@pytest.mark.parametrize(
    ("limits", "fan", "atm", "key"),
    [
        (ThermalConfig(target_c=90), FanConfig(), AtmConfig(), "thermal.hot_c"),
        (ThermalConfig(dangerous_c=80), FanConfig(), AtmConfig(), "thermal.dangerous_c"),
        (ThermalConfig(), FanConfig(min_speed=60, max_speed=50), AtmConfig(), "fan.max_speed"),
        (ThermalConfig(), FanConfig(), AtmConfig(max_profile="high"), "atm.max_profile"),
        (ThermalConfig(), FanConfig(), AtmConfig(min_profile="+1"), "atm.min_profile"),
    ],
)
def test_what_does_not_go_together_is_named(
    limits: ThermalConfig, fan: FanConfig, atm: AtmConfig, key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_settings(limits, fan, atm)
    assert caught.value.key == key
