"""How many answers with anything in any place end without a traceback.

The answers are those of the tests (``tests/tools/fuzz_answers.py``): every nasty value in every
place of a valid answer of each archive, and answers with several changes at once.
"""

from __future__ import annotations

import random
import sys
import traceback
from pathlib import Path

from rows import Row, emit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))

from fuzz_answers import ANSWERS, ending, many_changes, one_change_each

COMMAND = "python benchmarks/trust_fuzz.py"
MANY = 500
SEED = 20261127


def tried() -> tuple[int, int]:
    """Answers tried, and those that ended in records or an error with a reason."""
    count = fine = 0
    for source in ANSWERS:
        chances = random.Random(SEED)
        many = (many_changes(source, chances) for _ in range(MANY))
        for answers in (one_change_each(source), many):
            for answer in answers:
                count += 1
                try:
                    ending(source, answer)
                    fine += 1
                except Exception:  # noqa: BLE001
                    # What is counted here is that there is none.
                    traceback.print_exc(limit=-2)
    return count, fine


def main() -> None:
    """Print the rows."""
    count, fine = tried()
    emit(
        [
            Row("fuzzed answers tried", count, unit="answers", command=COMMAND),
            Row(
                "fuzzed answers without a traceback",
                fine / count,
                n=count,
                unit="share",
                target=1.0,
                command=COMMAND,
            ),
        ]
    )


if __name__ == "__main__":
    main()
