"""The data card: what an export holds, where its labels and licences come from, how to load it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from cosmic_morphology.atlas.export.description import Description, LeakageWords, images_words
from cosmic_morphology.atlas.export.rows import COLUMNS, KINDS
from cosmic_morphology.safe_text import safe_text
from cosmic_morphology.stats.score import CHECKED, COMPUTED

_CREDITS_SHOWN = 20
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
# Licences that Hugging Face has a name for; see "Dataset cards" in its documentation.
_CREATIVE_COMMONS = re.compile(
    r"\s*cc[ -]by((?:-(?:sa|nc|nd))*)[ -](2\.0|2\.5|3\.0|4\.0)\b", re.IGNORECASE
)
_HF_SPLITS = {"val": "validation"}
_LOADING = {
    "imagefolder": 'datasets.load_dataset("imagefolder", data_dir="{name}")',
    "hf": 'datasets.load_dataset("{name}")',
    "webdataset": 'webdataset.WebDataset("{place}", shardshuffle=False).decode("pil")',
    "parquet": 'datasets.load_dataset("parquet", data_files="{place}")',
    "csv": 'pandas.read_csv("{place}")',
}


def write_card_text(about: Description) -> str:
    """The README of an export, in Markdown, with the front matter that Hugging Face reads."""
    parts = [
        _front_matter(about),
        f"# {_md(about.name)}",
        _md(about.sentence()),
        "## Load it",
        f"```python\n{_loading(about)}\n```",
        _files_words(about),
        "## Images by class and split",
        _counts(about),
        *_left_out(about),
        "## How the labels came about",
        _labels(about),
        "## Are the splits independent?",
        _leakage(about.leakage),
        "## Credits and licences",
        _credits(about),
        "## Columns",
        _table(("column", "meaning"), [(f"`{n}`", _md(m)) for n, (_, m) in COLUMNS.items()]),
        "## Cite",
        (
            f"{_md(about.citation())} Cite the archives, too: their credit lines stand in "
            f"`{about.credits_file}`."
        ),
        "## Made with",
        (
            f"Cosmic Morphology {about.software}, `cosmic atlas export --format {about.format_}`, "
            f"from version {about.version} of its atlas (versions of the tables `images`, "
            f"`catalogue` and `decisions`), last changed on {about.date:%Y-%m-%d}. "
            f"`{about.croissant_file}` describes the files for machines, with their SHA-256."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def known_licence(licences: Sequence[str]) -> str:
    """Hugging Face's name of a licence that all images have; ``other`` where there is none."""
    names = set()
    for licence in licences:
        found = _CREATIVE_COMMONS.match(licence)
        if licence.lower().startswith(("cc0", "rendered")):
            names.add("cc0-1.0")
        else:
            names.add(f"cc-by{found[1].lower()}-{found[2]}" if found else "other")
    return names.pop() if len(names) == 1 else "other"


def _front_matter(about: Description) -> str:
    licence = known_licence([key[2] for key in about.counts.credits])
    size = next((word for most, word in _SIZES if about.counts.images < most), "n>1M")
    lines = [f"pretty_name: {json.dumps(safe_text(about.name))}", f"license: {licence}"]
    if licence == "other":
        lines += ["license_name: by-image", f"license_link: {json.dumps(about.credits_file)}"]
    lines += [
        "task_categories:",
        "- image-classification",
        "tags:",
        "- astronomy",
        "size_categories:",
        f"- {size}",
    ]
    pattern = {"hf": "data/{}-*.parquet", "webdataset": "{}-*.tar"}.get(about.format_)
    if pattern and not about.is_single:
        lines += ["configs:", "- config_name: default", "  data_files:"]
        for split in about.splits:
            lines += [f"  - split: {_HF_SPLITS.get(split, split)}"]
            lines += [f"    path: {json.dumps(pattern.format(split))}"]
    return "\n".join(["---", *lines, "---"])


def _loading(about: Description) -> str:
    module = {"csv": "pandas", "webdataset": "webdataset"}.get(about.format_, "datasets")
    place = about.files[0].name if about.is_single else f"{about.name}/{_first_shards(about)}"
    call = _LOADING[about.format_].format(name=_py(about.name), place=_py(place))
    return f"import {module}\n\nfound = {call}"


def _first_shards(about: Description) -> str:
    """The files of the first split, in the braces that WebDataset reads."""
    names = [each.name for each in about.files if each.split == about.splits[0]]
    if len(names) == 1:
        return names[0]
    first, last = (re.sub(r".*-(\d+)\..*", r"\1", names[at]) for at in (0, -1))
    return names[0].replace(first, f"{{{first}..{last}}}")


def _files_words(about: Description) -> str:
    kind = "the files as the source has them" if about.original else "JPEG thumbnails"
    images = {
        "csv": "There are no images in it: fetch them from `image_url`.",
        "imagefolder": (
            f"Images are {kind}, in a folder for each split and class; `metadata.csv` in each "
            "split says what is known of them, with the SHA-256 of each file. An empty text is "
            '"not stated" there, and a text that looks like a number has an apostrophe before it.'
        ),
        "webdataset": (
            f"A sample is an image ({kind}), `.json` (all columns) and `.cls` (the number of the "
            "class, from 0, in the order of the table below). Samples are shuffled once."
        ),
    }
    said = images.get(about.format_, f"The column `image` holds {kind}.")
    if about.format_ == "imagefolder":
        return said
    total = sum(each.n_bytes for each in about.files)
    files = "1 file" if len(about.files) == 1 else f"{len(about.files)} files"
    return f"{said} The data are {files} of {total:,} bytes."


def _counts(about: Description) -> str:
    classes = about.counts.classes
    rows = [
        (_md(name) or "(no label)", *(f"{classes[name, s]:,}" for s in about.splits), n)
        for name, n in ((c, f"{n:,}") for c, n in about.counts.of_classes().items())
    ]
    totals = about.counts.of_splits()
    last = ("all", *(f"{totals[split]:,}" for split in about.splits), f"{about.counts.images:,}")
    return _table(("class", *about.splits, "all"), [*rows, last])


def _left_out(about: Description) -> list[str]:
    asked = []
    if about.wanted.where:
        asked.append(f"Only images that fit `{_code(about.wanted.where)}` were asked for.")
    if about.wanted.min_confidence:
        asked.append(f"Labels less sure than {about.wanted.min_confidence:g} were left out.")
    if about.wanted.redistributable:
        asked.append("Only images whose licence says that copies may be given on were taken.")
    if not about.left_out:
        return [" ".join(asked)] if asked else []
    rows = [(_md(why), f"{number:,}") for why, number in sorted(about.left_out.items())]
    return [" ".join([*asked, "Left out:"]), _table(("why", "images"), rows)]


def _labels(about: Description) -> str:
    lines = []
    for kind, meaning in KINDS.items():
        number = sum(n for (each, _), n in about.counts.kinds.items() if each == kind)
        if number:
            lines.append(f"- **{kind}**, {images_words(number)}: {meaning}.{_by(about, kind)}")
    rows = [
        (kind, *(f"{about.counts.kinds[kind, split]:,}" for split in about.splits))
        for kind in KINDS
        if any(about.counts.kinds[kind, split] for split in about.splits)
    ]
    known = sum(n for (kind, split), n in about.counts.kinds.items() if split == "test")
    checked = about.counts.kinds[CHECKED, "test"]
    lines += ["", _table(("kind of label", *about.splits), rows)]
    if known:
        said = f"Test images with a label that a person checked: {checked:,} of {known:,}."
        if checked < known:
            said += " Scores on the others say how well a model agrees with their labels."
        lines += ["", said]
    return "\n".join(lines)


def _by(about: Description, kind: str) -> str:
    if kind == CHECKED:
        names = {by: n for (each, by), n in about.counts.givers.items() if each == kind and by}
        said = ", ".join(f"{_md(by)} ({n:,})" for by, n in sorted(names.items()))
        return f" By {said}." if said else ""
    if kind != COMPUTED:
        return ""
    voters: dict[str, int] = {}
    for (each, by), n in about.counts.givers.items():
        for voter in by.split(", ") if each == kind and by else ():
            voters[voter] = voters.get(voter, 0) + n
    said = ", ".join(f"{_md(v)} ({n:,})" for v, n in sorted(voters.items()))
    return (
        " A voter is a rule or a model with an opinion of its own, such as `title` (words of the "
        "title) or `folder` (the class that came with the image); their votes are weighted by "
        f"how often they are right.{f' Voters for these labels: {said}.' if said else ''} "
        "`label_confidence` is the probability of the class that follows."
    )


def _leakage(found: LeakageWords | None) -> str:
    if found is None:
        return (
            "Nobody has checked this: no leakage report was at hand when the data set was "
            "written. `cosmic split` makes one."
        )
    lines = []
    if not found.is_current:
        lines.append(
            "The atlas has changed since this check, so it may not hold for all images here: "
            "`cosmic split` makes a new one."
        )
    lines.append(
        "No image, object, press release or lineage was found in two splits."
        if not found.leaks
        else f"{found.leaks:,} things are in two splits: scores on the test split are too high."
    )
    if found.grouped_by:
        lines.append(f"Images were kept together by {_md(found.grouped_by)}.")
    listed = [f"- compared: {_md(each)}" for each in found.compared]
    listed += [f"- not compared: {_md(each)}" for each in found.not_compared]
    return "\n\n".join([" ".join(lines), *(["\n".join(listed)] if listed else [])])


def _credits(about: Description) -> str:
    ordered = sorted(about.counts.credits.items(), key=lambda item: (-item[1], item[0]))
    closed = about.counts.not_redistributable()
    rows = [
        (_md(source), _md(credit) or "not stated", _md(licence) or "not stated", f"{n:,}")
        for (source, credit, licence), n in ordered[:_CREDITS_SHOWN]
    ]
    said = [
        f"{images_words(closed)} have no licence that says that copies may be given on: ask their "
        "source before you publish them."
        if closed
        else "The licence of every image says that copies may be given on."
    ]
    said.append(f"`{about.credits_file}` lists all credit lines.")
    more = len(ordered) - len(rows)
    table = _table(("source", "credit", "licence", "images"), rows)
    return "\n\n".join([" ".join(said), table, *([f"… and {more:,} more."] if more else [])])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _md(text: str) -> str:
    """A text from outside that Markdown shows as it is: no links, no HTML, one line."""
    return re.sub(r"([\\`*_{}\[\]<>|#~!&])", r"\\\1", safe_text(text).strip())


def _code(text: str) -> str:
    return safe_text(text).replace("`", "'")


def _py(text: str) -> str:
    return json.dumps(safe_text(text), ensure_ascii=False)[1:-1]
