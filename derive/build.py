"""The one program: derive every network's meta-gradient and write its package.

python derive/build.py            regenerate everything, print each stage and what changed
python derive/build.py --check    write nothing, exit 1 with a diff where something is stale
python derive/build.py --hidden 3 --activation tanh --steps 2 --name mine --output somewhere/
                                  a network of your own, importable with numpy alone
"""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from derive.command import main, terminate

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, terminate)
    sys.exit(main())
