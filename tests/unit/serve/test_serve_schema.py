"""The interface answers as its own description says, whatever it is asked."""

from __future__ import annotations

import pytest
from schema_calls import Answers, ask_described


def faultless(found: Answers) -> None:
    assert not found.faults, "\n\n".join(f"{kind}\n{why}" for kind, why in found.faults.items())
    assert not found.server_errors


def test_every_operation_answers_its_own_example_and_a_sample_of_others_as_described(tmp_path):
    found = ask_described(tmp_path, examples=1, others=8, first=1)
    faultless(found)
    assert found.requests >= 200
    assert min(found.succeeded().values()) >= 1, found.succeeded()


@pytest.mark.long
def test_thousands_of_questions_are_answered_as_described(tmp_path):
    found = ask_described(tmp_path, examples=60, others=240, first=2)
    faultless(found)
    assert found.requests >= 5000
    assert min(found.succeeded().values()) >= 50, found.succeeded()
