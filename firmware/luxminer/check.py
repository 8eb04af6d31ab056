"""What can never work in a configuration, beyond types and ranges of single settings."""

import ipaddress
import re
from collections.abc import Sequence

from luxminer.api.access import AccessRules
from luxminer.config.schema import Config
from luxminer.device.assignment import Assigner
from luxminer.device.registry import DriverRecord, discover_drivers
from luxminer.errors import CommandError, ConfigError
from luxminer.pool.group import check_groups
from luxminer.pool.pool import check_pool
from luxminer.stratum.route import parse_proxy
from luxminer.thermal.settings import check_settings
from luxminer.tuning.ladder import KNOWN_PROFILES, step_of
from luxminer.tuning.own import OwnProfiles

__all__ = ["check"]


def check(config: Config, drivers: Sequence[DriverRecord] | None = None) -> None:
    """Refuse what can never work. Raises ConfigError with the key of the setting."""
    _check_ports(config)
    AccessRules(config.api.allow, config.api.groups)
    if config.api.mcast:
        from luxminer.api.multicast import check_discovery

        check_discovery(config.api)
    for number, pool in enumerate(config.pools):
        check_pool(pool, f"pools[{number}]", config.stratum)
    check_groups(config.groups, config.pools)
    _check_stratum(config)
    _check_profile(config)
    check_settings(config.thermal, config.fan, config.atm)
    Assigner(config, drivers if drivers is not None else discover_drivers())


def _check_ports(config: Config) -> None:
    api = config.api
    if api.port and api.port == api.http_port:
        cure = "give it another one than api.port, or 0 to switch it off"
        raise ConfigError(f"is {api.http_port}", key="api.http_port", value=api.port, cure=cure)
    try:
        ipaddress.ip_address(api.listen.strip("[]"))
    except ValueError:
        if api.listen != "localhost":
            cure = "write an address of this machine, such as 127.0.0.1, or :: for all"
            raise ConfigError(
                f'is "{api.listen}"', key="api.listen", value=api.listen, cure=cure
            ) from None


def _check_profile(config: Config) -> None:
    profile = config.mining.profile
    try:
        own = OwnProfiles(config.profiles)
    except CommandError as exc:
        names = tuple(each.name for each in config.profiles)
        raise ConfigError(
            str(exc), key="profiles", value=names, cure="rename or remove it"
        ) from exc
    try:
        if own.get(profile) is None:
            step_of(profile)
    except CommandError as exc:
        cure = f"write one of {KNOWN_PROFILES}; a step needs its sign"
        raise ConfigError(
            f'is "{profile}"', key="mining.profile", value=profile, cure=cure
        ) from exc


def _check_stratum(config: Config) -> None:
    stratum = config.stratum
    mask = stratum.version_rolling_mask
    if not re.fullmatch(r"[0-9a-fA-F]{8}", mask):
        raise ConfigError(
            f'is "{mask}"',
            key="stratum.version_rolling_mask",
            value=mask,
            cure="write eight hex digits, such as 1fffe000",
        )
    if stratum.proxy:
        parse_proxy(stratum.proxy, "stratum.proxy")
    if stratum.retry_min_s > stratum.retry_max_s:
        raise ConfigError(
            f"is {stratum.retry_max_s:g}",
            key="stratum.retry_max_s",
            value=stratum.retry_max_s,
            cure=f"it must not be below retry_min_s, {stratum.retry_min_s:g}",
        )
