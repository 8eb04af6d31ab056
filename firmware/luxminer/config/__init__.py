"""Settings: declared once in `schema`, read and checked by `load`."""
