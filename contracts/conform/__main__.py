"""Run the kit: ``python -m contracts.conform -- COMMAND…``."""

import sys

from contracts.conform.command import main

sys.exit(main())
