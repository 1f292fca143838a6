"""``python -m ifc_core.engine``: the engine process, started by ``EngineClient``."""

import sys

from ifc_core.engine.server import main

if __name__ == "__main__":
    sys.exit(main())
