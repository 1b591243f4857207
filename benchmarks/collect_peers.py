"""What this collector is measured against: what people write, img2dataset, a bare puller."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_cache_path

STAND_IN = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
import requests
root, folder = sys.argv[1:]
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
        time.sleep(1)
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
seconds = time.perf_counter() - began
import glob, json
good = sum(json.load(open(f))["successes"] for f in glob.glob(folder + "/*_stats.json"))
print(good / seconds)
"""


def stand_in_per_s(root: str) -> float:
    """requests, 5 threads, a new connection each time, 1 s sleep a page."""
    with tempfile.TemporaryDirectory() as folder:
        return _last_number([_peer_python(), "-c", STAND_IN, root, folder])


def img2dataset_per_s(urls: list[str], connections: int) -> float:
    """img2dataset on the same list, two processes, as many connections."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "urls.txt"
        listed.write_text("\n".join(urls))
        threads = str(max(1, connections // 2))
        script = Path(folder) / "run.py"
        script.write_text(f"if __name__ == '__main__':\n{_indented(IMG2DATASET)}")
        return _last_number([_peer_python(), str(script), str(listed), f"{folder}/out", threads])


def pull_per_s(urls: list[str], connections: int) -> float:
    """Bodies a second that the replica gives away: wrk, or a puller that parses next to nothing."""
    if wrk := shutil.which("wrk"):
        return _wrk(wrk, urls, connections)
    loop = _new_loop()
    try:
        return loop.run_until_complete(_pull(urls, connections))
    finally:
        loop.close()


async def _pull(urls: list[str], connections: int) -> float:
    place = urlsplit(urls[0])
    left = iter(urls)

    async def lane() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for url in left:
            path = urlsplit(url).path
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            if b" 200 " not in head[:20] or length is None:
                sys.exit(f"the replica does not answer as it should: {head[:200]!r}")
            await reader.readexactly(int(length[1]))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*[lane() for _ in range(connections)])
    return len(urls) / (time.perf_counter() - began)


def _wrk(wrk: str, urls: list[str], connections: int) -> float:
    paths = ", ".join(f'"{urlsplit(url).path}"' for url in urls)
    turn = "function request()\n i = i % #p + 1\n return wrk.format('GET', p[i])\nend\n"
    lua = f"local p = {{{paths}}}\nlocal i = 0\n{turn}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(lua)
        script.flush()
        place = urlsplit(urls[0])
        command = [wrk, "-t1", f"-c{connections}", "-d10s", "-s", script.name]
        done = subprocess.run(
            [*command, f"{place.scheme}://{place.netloc}"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    found = re.search(r"Requests/sec: *([\d.]+)", done.stdout)
    if found is None:
        sys.exit(f"wrk says: {done.stdout}")
    return float(found[1])


def _peer_python() -> str:
    """An environment with img2dataset and requests, made once."""
    place = user_cache_path("cosmic-morphology") / "bench-peers"
    python = place / "bin" / "python"
    if not python.is_file():
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv is None:
            sys.exit("uv is needed to make the environment of the peers: pip install uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*command, "img2dataset==1.47.0", "requests"], check=True)
    return str(python)


def _last_number(command: list[str]) -> float:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.strip().splitlines()[-1])


def _indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.strip().splitlines())


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop()
    return new_event_loop()
