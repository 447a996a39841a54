"""The one program: derive every network's meta-gradient and write its package.

python derive/build.py            regenerate everything, print each stage and what changed
python derive/build.py --check    write nothing, exit 1 with a diff where something is stale
python derive/build.py --hidden 3 --activation tanh --steps 2 --name mine --output somewhere/
                                  a network of your own, importable with numpy alone
"""

import os
import sys


def leave(*_: object) -> None:
    """End while the program is still being imported, as Ctrl-C does later."""
    os.write(2, b"build.py: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    try:
        import signal

        signal.signal(signal.SIGINT, leave)
    except KeyboardInterrupt:
        leave()

from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from derive.command import main, terminate  # noqa: E402

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, terminate)
    sys.exit(main())
