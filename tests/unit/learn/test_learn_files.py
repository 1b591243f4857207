"""Promises of predictions on a person's files: whatever lies there, each thing is one answer."""

from __future__ import annotations

import os

import numpy as np
import pytest
from drawn_images import draw_jpeg

from cosmic_morphology.errors import InputError
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.learn import predict_files
from cosmic_morphology.learn.models.preprocessing import Preprocessing


class Same:
    """A model with one answer."""

    classes = ("comet", "star")
    reject_below = 0.5
    preprocessing = Preprocessing(size_px=32, mean=(0.5,) * 3, std=(0.5,) * 3)

    def predict(self, thumbnails):
        return np.tile([0.9, 0.1], (len(thumbnails), 1))

    def predict_pixels(self, pixels):
        return self.predict(pixels)


def test_special_files_and_large_ones_are_answers_with_a_reason(tmp_path):
    (tmp_path / "whole.jpg").write_bytes(draw_jpeg(0))
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(10_000_000_000)  # sparse: it takes no room, and would take all memory
    answers = predict_files(Same(), tmp_path, limits=ImageLimits(max_bytes=1_000_000))
    said = {each.file.rpartition("/")[2]: each.error for each in answers}
    assert said.keys() == {"whole.jpg", "pipe.jpg", "zero.jpg", "gone.jpg", "huge.jpg"}
    assert said["whole.jpg"] == ""
    assert said["pipe.jpg"] == said["zero.jpg"] == "unreadable: not a regular file"
    assert said["gone.jpg"].startswith("unreadable: ")
    assert said["huge.jpg"].startswith("too_large: ")


def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(InputError, match="not a regular file"):
        list(predict_files(Same(), tmp_path / "pipe.jpg"))
