"""What this collector is measured against: what people write, and img2dataset."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

STAND_IN = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
import requests
root, folder, pause_s = sys.argv[1:]
def save(item):
    link = next(l["href"] for l in item["links"] if "~medium" in l["href"])
    with open(f"{folder}/{item['data'][0]['nasa_id']}.jpg", "wb") as file:
        file.write(requests.get(link).content)
began, page, saved = time.perf_counter(), 1, 0
with ThreadPoolExecutor(5) as pool:
    while True:
        found = requests.get(f"{root}/search", params={"q": "galaxy", "page": page}).json()
        items = found["collection"]["items"]
        if not items:
            break
        saved += len(list(pool.map(save, items)))
        page += 1
        time.sleep(float(pause_s))
print(saved / (time.perf_counter() - began))
"""

IMG2DATASET = """
import sys, time
from img2dataset import download
urls, folder, threads = sys.argv[1:]
began = time.perf_counter()
download(url_list=urls, output_folder=folder, processes_count=2, thread_count=int(threads),
         image_size=512, resize_mode="keep_ratio", resize_only_if_bigger=True,
         output_format="webdataset", number_sample_per_shard=1000, enable_wandb=False)
import glob, json
good = sum(json.load(open(f))["successes"] for f in glob.glob(folder + "/*_stats.json"))
print(good / (time.perf_counter() - began))
"""

# With the libraries that people take for it: Pillow, imagehash, numpy.
SAME_WORK = """
from concurrent.futures import ProcessPoolExecutor
from same_work import of_shard
with ProcessPoolExecutor(2) as pool:
    done = sum(pool.map(of_shard, sorted(glob.glob(folder + "/*.tar"))))
print(done / (time.perf_counter() - began))
"""
OF_SHARD = """
import hashlib, io, tarfile
import imagehash, numpy as np
from PIL import Image

def of_shard(path):
    rows = []
    with tarfile.open(path) as shard:
        for member in shard:
            if member.name.endswith(".jpg"):
                rows.append(seen(shard.extractfile(member).read()))
    return len(rows)

def seen(data):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image.thumbnail((512, 512), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    colours = np.asarray(image, dtype=np.float32)
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    laplacian = (4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2]
                 - grey[1:-1, 2:])
    red_green = colours[..., 0] - colours[..., 1]
    yellow_blue = (colours[..., 0] + colours[..., 1]) / 2 - colours[..., 2]
    colourfulness = (np.hypot(red_green.std(), yellow_blue.std())
                     + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
    spread = max(np.abs(colours[..., n] - np.median(colours[..., n])).max() for n in range(3))
    return (hashlib.sha256(data).hexdigest(), out.getvalue(), str(imagehash.phash(image)),
            grey.mean(), grey.std(), laplacian.var(), colourfulness, spread)
"""


def script_per_s(root: str, pause_s: float) -> float:
    """requests, 5 threads, a new connection each time, a pause after each page."""
    with tempfile.TemporaryDirectory() as folder:
        return _last_number([_peer_python(), "-c", STAND_IN, root, folder, str(pause_s)])


def img2dataset_per_s(urls: list[str], connections: int, then: str = "") -> float:
    """img2dataset on the same list, two processes, as many connections."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "urls.txt"
        listed.write_text("\n".join(urls))
        threads = str(max(1, connections // 2))
        script = Path(folder) / "run.py"
        (Path(folder) / "same_work.py").write_text(OF_SHARD)
        script.write_text(f"if __name__ == '__main__':\n{_indented(IMG2DATASET + then)}")
        return _last_number([_peer_python(), str(script), str(listed), f"{folder}/out", threads])


def same_work_per_s(urls: list[str], connections: int) -> float:
    """img2dataset, and then a thumbnail, a hash and statistics of each image of its shards."""
    return img2dataset_per_s(urls, connections, SAME_WORK)


def _peer_python() -> str:
    """An environment with img2dataset, requests and imagehash, made once."""
    place = user_cache_path("cosmic-morphology") / "bench-peers-2"
    python = place / "bin" / "python"
    if not python.is_file():
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv is None:
            sys.exit("uv is needed to make the environment of the peers: pip install uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*command, "img2dataset==1.47.0", "requests", "imagehash"], check=True)
    return str(python)


def _last_number(command: list[str]) -> float:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.strip().splitlines()[-1])


def _indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.strip().splitlines())
