"""A Ray of our own for one run, closed to strangers and silent; or an existing cluster, as its owner set it up.

Ray runs any code that a client sends it, so whoever can connect owns the account. Measured on Ray 2.60: whatever
`_node_ip_address` says, the control ports listen on all interfaces and the node takes the machine's outer address,
unless Ray is told (as it is on macOS and Windows by default) that it need not form clusters. Then everything listens on
127.0.0.1 only; the token locks out other users of the same machine.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOOPBACK = "127.0.0.1"
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


@contextmanager
def ray_cluster(cpus: int, gpus: float, address: str | None = None) -> Iterator[None]:
    """Within the block Ray is up: our own with these resources, or the one at `address` ("auto", "host:port")."""
    os.environ.update(_QUIET)
    if address is None:
        _lock_out_strangers()
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "ignore_reinit_error": False}
    if address is None:
        options |= {
            "address": "local",
            "_node_ip_address": LOOPBACK,
            "include_dashboard": False,
            "num_cpus": cpus,
            "num_gpus": gpus,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    else:
        options["address"] = address
    context = ray.init(**options)
    try:
        if address is None and context.address_info["node_ip_address"] != LOOPBACK:
            raise RuntimeError(f"Ray listens on {context.address_info['node_ip_address']}, not on {LOOPBACK} only")
        yield
    finally:
        ray.shutdown()


def gpu_count() -> int:
    """GPUs that this process may use, without loading TensorFlow."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    return (
        len([name for name in os.listdir("/dev") if name.removeprefix("nvidia").isdigit()]) if os.name == "posix" else 0
    )


def _lock_out_strangers() -> None:
    """A fresh secret for this process and the Ray processes it starts; they inherit its environment."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ.pop("RAY_ADDRESS", None)
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if "ray" in sys.modules:  # it has read the environment already
        from ray._private import ray_constants
        from ray._raylet import AuthenticationTokenLoader, Config

        ray_constants.ENABLE_RAY_CLUSTER = False
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
