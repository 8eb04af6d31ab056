"""Codes of commands about pools and groups."""

from luxminer.api.codes.status import StatusCode

__all__ = ["CODES", "OWN"]

OWN = (range(360, 367), range(407, 408), range(412, 420))
"""Numbers of this subject that neither reference uses."""

CODES = {
    7: StatusCode("S", "{count} Pool(s)"),
    8: StatusCode("E", "No pools"),
    25: StatusCode("E", "Missing pool id parameter"),
    26: StatusCode("E", "Invalid pool id {id} - range is 0 - {last}"),
    27: StatusCode("S", "Switching to pool {id}:'{url}'"),
    47: StatusCode("S", "Enabling pool {id}:'{url}'"),
    48: StatusCode("S", "Disabling pool {id}:'{url}'"),
    49: StatusCode("I", "Pool {id}:'{url}' already enabled"),
    50: StatusCode("I", "Pool {id}:'{url}' already disabled"),
    51: StatusCode("E", "Cannot disable last active pool {id}:'{url}'"),
    52: StatusCode("E", "Missing addpool details"),
    53: StatusCode("E", "Invalid addpool details '{details}'"),
    54: StatusCode("E", "Reached maximum number of pools ({count})"),
    55: StatusCode("S", "Added pool {id}: '{url}'"),
    66: StatusCode("E", "Cannot remove last pool {id}:'{url}'"),
    67: StatusCode("E", "Cannot remove active pool {id}:'{url}'"),
    68: StatusCode("S", "Removed pool {id}:'{url}'"),
    73: StatusCode("S", "Changed pool priorities"),
    74: StatusCode("E", "Duplicate pool specified {id}"),
    86: StatusCode("E", "Missing config value N for '{id},N'"),
    121: StatusCode("E", "Invalid negative number ({quota}) for '{url}'"),
    122: StatusCode("S", "Set pool '{url}' to quota {quota}'"),
    324: StatusCode("S", "List groups"),
    360: StatusCode("S", "Added group {id}:'{name}'"),
    361: StatusCode("S", "Removed group {group_id}:'{name}'"),
    362: StatusCode("S", "Set group {group_id}:'{name}' to quota {quota}"),
    363: StatusCode("S", "Pool options"),
    364: StatusCode("S", "Changed pool options"),
    407: StatusCode("E", "Invalid group id {group_id}"),
}
