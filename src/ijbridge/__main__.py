"""``python -m ijbridge`` is the command line."""

from ijbridge.cli import main

raise SystemExit(main())
