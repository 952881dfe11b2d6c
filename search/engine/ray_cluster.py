"""A Ray of our own for one run, closed to strangers and silent; or one that is there, as its owner set it up.

Ray runs any code that a client sends it, so whoever can connect owns the account. Measured on Ray 2.60: whatever
`_node_ip_address` says, the control ports listen on all interfaces and the node takes the machine's outer address,
unless Ray is told (as it is on macOS and Windows by default) that it need not form clusters. Then everything listens on
127.0.0.1 only; the token locks out other users of the same machine. Ray is told so by its environment when it is
imported: where a caller imported it before, the ports are those of any `ray.init()`, and the token alone locks them.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from movinet.config.errors import InputError
from movinet.machine.cluster import connect
from search.settings import ResourceSettings

LOOPBACK = "127.0.0.1"
LONGEST_PLACE = 30  # bytes: a socket's path may have 103 in all, and Ray adds some 70
OBJECT_STORE_BYTES = 80 * 2**20  # frames are memory-mapped files, so next to nothing passes through it

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the coming default; the old one warns at each start
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # our own records hold all that happens
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a failed trial reports a reason and no accuracy
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends the run at once; a resumed run goes on from its checkpoints
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # Tune's snapshot grows with the number of trials; we never read it
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output respects verbose=0
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


@dataclass(frozen=True)
class Workers:
    """How many jobs run at a time, and what each may use."""

    count: int
    threads: int
    gpu_fraction: float = 0.0


def share_machine(resources: ResourceSettings, jobs: int) -> Workers:
    """How many workers, with what each; never more than there are jobs."""
    gpus, threads = gpu_count(), resources.threads_per_worker
    fraction = (1.0 if gpus else 0.0) if resources.gpu_fraction == "auto" else resources.gpu_fraction
    by_cores = max(1, usable_cores() // threads)
    by_gpus = int(gpus / fraction) if fraction else by_cores
    count = max(1, min(by_cores, by_gpus)) if resources.workers == "auto" else resources.workers
    return Workers(min(count, max(1, jobs)), threads, fraction)


@contextmanager
def ray_cluster(workers: Workers, address: str | None = None) -> Iterator[None]:
    """Within the block Ray is up: our own for these workers, or the one at `address` ("auto", "host:port").

    A caller that is in a Ray already, by its own `ray.init()`, stays in it, also afterwards. Raises InputError where
    none answers at `address`, or where the one that is there has no room for a worker.
    """
    os.environ.update(_QUIET)
    is_first = "ray" not in sys.modules
    if not is_first and sys.modules["ray"].is_initialized():
        if address is not None:
            raise InputError(
                f"--address {address} is not allowed within a Ray; allowed: none, or ray.shutdown() before"
            )
        _require_room(workers)
        yield
    elif address is not None:
        with _left_again():
            connect(address)
            yield
    else:
        with _own_folder() as folder, _left_again():
            _start(workers, folder, is_first)
            yield


@contextmanager
def _left_again() -> Iterator[None]:
    try:
        yield
    finally:
        import ray

        ray.shutdown()


def _start(workers: Workers, folder: str, is_first: bool) -> None:
    """Our own Ray; is_first: nobody has imported it before."""
    _lock_out_strangers(is_first)
    import ray

    ray.init(
        address="local",
        num_cpus=workers.count * workers.threads,
        num_gpus=gpu_count() if workers.gpu_fraction else 0,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address=LOOPBACK,
        _temp_dir=folder,
    )
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise RuntimeError("Ray has no token, as it was imported before the search; allowed: ray >= 2.60")
    if is_first and (own := ray.util.get_node_ip_address()) != LOOPBACK:
        raise RuntimeError(f"Ray listens on {own}, not on {LOOPBACK} only")


def _lock_out_strangers(is_first: bool) -> None:
    """A secret for this process and the Ray processes it starts; they inherit its environment.

    One for all searches of a process, since Ray reads it once. A Ray that was imported without RAY_AUTH_MODE reads it
    in `ray.init`, if it is not set.
    """
    os.environ.pop("RAY_ADDRESS", None)
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if is_first:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    elif os.environ.get("RAY_AUTH_MODE") != "token":
        os.environ.pop("RAY_AUTH_MODE", None)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@contextmanager
def _own_folder() -> Iterator[str]:
    """Where Ray's sockets and logs lie: nobody else may look, and the path is as short as sockets need it."""
    place = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    if os.name == "posix" and len(place) > LONGEST_PLACE:
        place = "/tmp"
    folder = tempfile.mkdtemp(prefix="ray-", dir=place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_room(workers: Workers) -> None:
    """Raises InputError where no machine of the caller's Ray has what a worker needs: it would wait for ever."""
    import ray

    needed = {"CPU": workers.threads, "GPU": workers.gpu_fraction}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(name, 0) >= amount for name, amount in needed.items()) for node in nodes):
        offered = "; ".join(f"{node.get('CPU', 0):g} cores, {node.get('GPU', 0):g} GPUs" for node in nodes)
        raise InputError(
            f"resources: a worker of {workers.threads} threads and {workers.gpu_fraction:g} GPUs has no room in this "
            f"process's Ray; allowed: as much as a machine of it has ({offered})"
        )


def gpu_count() -> int:
    """GPUs that this process may use, without loading TensorFlow."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    return (
        len([name for name in os.listdir("/dev") if name.removeprefix("nvidia").isdigit()]) if os.name == "posix" else 0
    )


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
