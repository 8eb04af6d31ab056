"""Sub-commands of ``luxminer``, each imported only when it is the one that was typed."""
