"""What one more image costs: CPU time of each stage, bytes of each part, and requests to a store.

::

    OMP_NUM_THREADS=1 python benchmarks/record.py scale -- python benchmarks/scale_costs.py
    OMP_NUM_THREADS=1 python benchmarks/scale_costs.py --per-class 4 12        small, for a trial

Rendered images of 256 pixels as JPEG go from a folder through the pipeline at two sizes, each in a
process of its own with one thread, with the small bundled net; what the larger one takes more is
told for one image. Loading of libraries and of the net is then in none of them. The same runs again
with the atlas in moto's S3 server, whose requests are counted.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rows import Row, emit
from scale_images import draw as draw_zip

from cosmic_morphology.atlas import TABLES, Atlas
from cosmic_morphology.atlas.storage.checksums import read_records, referenced
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.pipeline import runner
from cosmic_morphology.settings import ImportJob, LearnSettings, LocalSettings, RunJob, Settings
from cosmic_morphology.synthesize import render_image
from cosmic_morphology.taxonomy import load_taxonomy

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
from s3_tools import s3_server

COMMAND = "OMP_NUM_THREADS=1 python benchmarks/scale_costs.py"
SEED = 20261128
SIDE_PX = 256
LEAST = 0.01
OF_COLUMN = {"keypoints": "keypoints", "thumbnail": "images"}


def draw(folder: Path, per_class: int) -> int:
    """Class folders of JPEG files; how many files."""
    names = load_taxonomy().names
    for at, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            image = render_image(name, SEED + at * per_class + number, size_px=SIDE_PX)
            (folder / name / f"{number}.jpg").write_bytes(image.jpeg())
    return per_class * len(names)


def settings_in(out: Path, folder: Path) -> Settings:
    return Settings(
        atlas=str(out / "atlas"),
        out=out,
        seed=SEED,
        local=LocalSettings(processes=1),
        learn=LearnSettings(backbone="mobilenetv3_small_075", weights="bundled", image_size_px=128),
        sources=(ImportJob(type="folder", path=folder, name="drawn"),),
        train=(RunJob(name="linear-probe", recipe="linear-probe"),),
    )


def of_stages(settings: Settings, now: Callable[[], float]) -> dict[str, float]:
    """Run it; what has grown during each stage, and in training, ranking and report after them."""
    grown: dict[str, float] = {}
    run_stage = runner._run_stage  # noqa: SLF001

    def watched(stage: Any, *rest: Any) -> None:
        before = now()
        run_stage(stage, *rest)
        grown[stage.name] = grown.get(stage.name, 0) + now() - before

    runner._run_stage = watched  # noqa: SLF001
    before = now()
    runner.run(settings)
    grown["train and report"] = now() - before - sum(grown.values())
    return grown


def bytes_of_parts(atlas: Atlas) -> Counter[str]:
    """Bytes of the newest version, by table; of images also keypoints and embeddings apart."""
    found: Counter[str] = Counter()
    for name in TABLES:
        table = atlas.table(name)
        recorded = {
            file.path: file
            for commit in read_records(atlas.store, name)
            for file in commit.files or ()
        }
        for path in referenced(table.dataset, table.version)[table.version]:
            columns = recorded[path].columns
            part = next((OF_COLUMN[each] for each in columns if each in OF_COLUMN), name)
            if name == "images" and columns and columns[0].startswith("embedding_"):
                part = "an embedding of 1,024 numbers"
            found[part] += recorded[path].size
    return found


def on_disk(per_class: int) -> dict[str, Any]:
    """Number of images, CPU seconds of the stages, and bytes of the parts."""
    with tempfile.TemporaryDirectory() as place:
        images = draw(Path(place) / "drawn", per_class)
        fetched = sum(each.stat().st_size for each in Path(place).rglob("*.jpg"))
        out = Path(place) / "out"
        cpu = of_stages(settings_in(out, Path(place) / "drawn"), time.process_time)
        parts = bytes_of_parts(Atlas.open(out / "atlas"))
        whole = sum(each.stat().st_size for each in (out / "atlas").rglob("*") if each.is_file())
    sizes = {"the file itself": fetched, **parts, "the atlas, with all its versions": whole}
    return {"images": images, "cpu": cpu, "bytes": sizes}


def in_store(per_class: int) -> dict[str, Any]:
    """Number of images, and requests of the stages."""
    with tempfile.TemporaryDirectory() as place, s3_server() as (server, options):
        images = draw(Path(place) / "drawn", per_class)
        settings = settings_in(Path(place) / "out", Path(place) / "drawn")
        stored = settings.model_copy(update={"atlas": "s3://sky/atlas", "storage_options": options})
        server.begin()
        requests = of_stages(stored, lambda: len(server.requests))
    return {"images": images, "requests": requests}


def of_import(images: int) -> dict[str, Any]:
    """Requests of an import of so many images of 128 pixels from one zip file."""
    with tempfile.TemporaryDirectory() as place, s3_server() as (server, options):
        packed = Path(place) / "drawn.zip"
        draw_zip(packed, 0, images, images, 128)
        atlas = Atlas.create("s3://sky/atlas", storage_options=options)
        server.begin()
        import_folder(atlas, packed, name="drawn")
        return {"images": images, "requests": len(server.requests)}


def costs(small: dict[str, Any], large: dict[str, Any], command: str) -> list[Row]:
    """Rows of what the larger run takes more, for one image."""
    few, many = small["images"], large["images"]
    more = {"n": many, "better": "lower", "command": command}
    rows = []
    for kind, unit, scale in (("cpu", "ms", 1000.0), ("bytes", "bytes", 1.0)):
        name = {"cpu": "CPU", "bytes": "bytes"}[kind]
        for part, value in large[kind].items():
            each = scale * (value - small[kind].get(part, 0)) / (many - few)
            # Stages that have nothing to do here.
            if each >= LEAST:
                rows.append(
                    Row(f"{name} of one more image: {part}", round(each, 3), unit=unit, **more)
                )
    return rows


def requests(found: dict[str, Any], command: str) -> list[Row]:
    """Rows of the requests of one run."""
    images = found["images"]
    more = {"n": images, "better": "lower", "command": command}
    what = f"requests to the store, {images} images"
    by_stage = found["requests"]
    return [
        *(Row(f"{what}: {stage}", number, **more) for stage, number in by_stage.items() if number),
        Row(f"{what}: in all", sum(by_stage.values()), **more),
    ]


def requests_of_import(small: dict[str, Any], large: dict[str, Any]) -> Row:
    """What a thousand images more take."""
    few, many = small["images"], large["images"]
    each = 1000 * (large["requests"] - small["requests"]) / (many - few)
    what = "S3 requests of an import, for 1,000 images more"
    return Row(what, round(each), n=many, better="lower", command=COMMAND)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"type": int, "nargs": 2, "default": (20, 60)}
    parser.add_argument("--per-class", **sizes, help="images of each class, two sizes")
    parser.add_argument("--imported", **sizes | {"default": (2048, 6144)}, help="into the store")
    parser.add_argument("--only", choices=("disk", "store"), help="one run here, as JSON")
    asked = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    if asked.only:
        found = {"disk": on_disk, "store": in_store}[asked.only](asked.per_class[0])
        sys.stdout.write(json.dumps(found) + "\n")
        return
    told: dict[str, list[dict[str, Any]]] = {"disk": [], "store": []}
    for place, results in told.items():
        for size in asked.per_class:
            command = [sys.executable, __file__, "--only", place, "--per-class", *[str(size)] * 2]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            results.append(json.loads(done.stdout.splitlines()[-1]))
    named = f"{COMMAND} --per-class {' '.join(map(str, asked.per_class))}"
    emit(costs(*told["disk"], named))
    for each in told["store"]:
        emit(requests(each, named))
    emit([requests_of_import(*map(of_import, asked.imported))])


if __name__ == "__main__":
    main()
