"""``python -m hmr_live_app`` is the command ``hmr-live``."""

import sys

from hmr_live_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
