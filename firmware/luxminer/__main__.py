"""``python -m luxminer`` is the same as ``luxminer``."""

import sys

from luxminer.cli import main

sys.exit(main())
