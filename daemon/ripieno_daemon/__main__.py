"""`python -m ripieno_daemon` is the command `ripieno`."""

import sys

from .cli import main

sys.exit(main())
