"""The loader is no installed package: its tests find it beside the script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
