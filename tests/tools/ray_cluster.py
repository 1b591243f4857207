"""A Ray cluster of several nodes on this machine, for tests: ``python ray_cluster.py NODES``.

It prints its address, then does what each line of standard input says, and ends with it.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


def main(count: int) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    nodes = [cluster.add_node(**NODE) for _ in range(count - 1)]
    print("address", cluster.address, flush=True)  # noqa: T201
    for line in sys.stdin:
        if line.strip() == "kill a node":
            cluster.remove_node(nodes.pop(0), allow_graceful=False)
        if line.strip() == "add a node":
            nodes.append(cluster.add_node(**NODE))
        print("done", flush=True)  # noqa: T201
    cluster.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
