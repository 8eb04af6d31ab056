"""Solo mining: work from a Bitcoin node of one's own, and whole blocks back to it.

What is below is imported when a pool entry names a node, never before.
"""

__all__ = ["SCHEMES", "is_node_url"]

SCHEMES = ("http", "https")


def is_node_url(url: str) -> bool:
    """Tell whether the URL of a pool entry is that of a node's RPC."""
    return url.partition("://")[0].lower() in SCHEMES
