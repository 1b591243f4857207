"""Run a benchmark, show what it prints, and keep its rows: record.py TOPIC -- COMMAND…"""

from __future__ import annotations

import subprocess
import sys

from rows import parse, record


def main() -> int:
    topic, dashes, *command = sys.argv[1:]
    if dashes != "--":
        sys.exit(__doc__)
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            sys.stdout.write(line)
            lines.append(line)
    rows = parse(lines)
    if child.returncode == 0 and rows:
        record(topic, rows)
    return child.returncode or (0 if rows else 1)


if __name__ == "__main__":
    sys.exit(main())
