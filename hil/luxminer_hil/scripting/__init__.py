"""The language of scripts, which the pool, the proxy and the node that are not there share."""
