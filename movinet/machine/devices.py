"""TensorFlow as a process wants it: threads, memory, graph optimizer; and what it would keep for good, let go of."""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from movinet.machine.quiet import native_stderr_closed


def prepare_tensorflow(
    threads: int | None = None, at_once: int | None = None, gpu: bool = True, deterministic: bool = False
) -> None:
    """Before TensorFlow's first operation.  GPU memory is taken as needed, since processes share a GPU.

    threads: that one operation may use; at_once: operations at the same time; None: as many as there are cores.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with native_stderr_closed():
        import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    if at_once:
        tf.config.threading.set_inter_op_parallelism_threads(at_once)
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    import keras  # noqa: F401  (now, so that what it makes is not collected again and again either)

    gc.collect()
    gc.freeze()  # a million objects of the libraries: freeing a trial's takes 0.02 s instead of 0.6 s


@contextmanager
def graphs_as_written() -> Iterator[None]:
    """Calls within run graphs as they were traced, not rewritten by grappler, which pays for graphs that live long.

    A training step ran as fast so, and was ready 0.2 to 0.5 s sooner.
    """
    import tensorflow as tf

    options: Any = tf.config.optimizer
    before = options.get_experimental_options().get("disable_meta_optimizer", False)
    options.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        options.set_experimental_options({"disable_meta_optimizer": before})


def forget_custom_gradients(but: Collection[str] = ()) -> None:
    """Lets go of the graphs that were traced so far, which then can't be differentiated; `but`: names that stay."""
    registry = _registry()
    for name in [name for name in registry if name.startswith("CustomGradient-") and name not in but]:
        del registry[name]


@contextmanager
def forgotten_custom_gradients() -> Iterator[None]:
    """Lets go of what is traced or loaded within."""
    known = {*_registry()}
    try:
        yield
    finally:
        forget_custom_gradients(known)


def _registry() -> dict[str, Any]:
    from tensorflow.python.framework import ops

    return ops.gradient_registry._registry  # pyright: ignore[reportPrivateUsage]
