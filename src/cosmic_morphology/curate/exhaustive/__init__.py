"""The exhaustive comparison of images across splits: the proof behind the leakage report."""
