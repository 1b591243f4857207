"""``python -m cosmic_morphology.replica``: the process behind ``Replica(process=True)``."""

from __future__ import annotations

import pickle
import sys
import threading

from cosmic_morphology.replica.server import InThread


def main() -> None:
    """Serve what standard input brings, say the port, end when standard input ends."""
    # The pickle comes from the parent process over its own pipe, never from outside.
    holdings, options, host, port = pickle.load(sys.stdin.buffer)  # noqa: S301
    replica = InThread(holdings, options, host, port)
    sys.stdout.write(f"{replica.port}\n")
    sys.stdout.flush()
    ended = threading.Event()
    threading.Thread(target=_until_end, args=(ended,), daemon=True).start()
    try:
        ended.wait()
    except KeyboardInterrupt:
        pass
    finally:
        replica.stop()


def _until_end(ended: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        continue
    ended.set()


if __name__ == "__main__":
    main()
