"""``labgrid-exporter`` that knows sticks: ``python -m luxminer_hil.lab.exporter``, same options."""

from labgrid.remote.exporter import exports, main

from luxminer_hil.lab.export import MiningStickExport

__all__: list[str] = []

exports["MiningStick"] = MiningStickExport

if __name__ == "__main__":
    main()
