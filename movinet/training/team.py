"""Several processes, each with a device of its own, that train one network: each a share of every batch.

Gradients are averaged before each update by the collectives of tf.distribute.MultiWorkerMirroredStrategy (NCCL between
GPUs, rings over gRPC otherwise), as two vectors at a time, so all processes keep the same weights.  Who they are stands
in TF_CONFIG.  TensorFlow's ports are open to whoever reaches them: for networks of trusted machines only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any


class Team:
    """This process's place among `size`: `rank`, 0 for the one that writes files.

    To be made before TensorFlow's first operation, in all processes; each waits for the others.
    """

    def __init__(self) -> None:
        import tensorflow as tf

        config = json.loads(os.environ["TF_CONFIG"])
        self.rank, self.size = int(config["task"]["index"]), len(config["cluster"]["worker"])
        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            tf.config.set_visible_devices(gpus[self.rank % len(gpus)], "GPU")
        self.strategy: Any = tf.distribute.MultiWorkerMirroredStrategy()
        signature = [tf.TensorSpec([None], tf.float64)]
        self._exchanged: Any = tf.function(lambda mine: self.mean([mine])[0], signature, autograph=False)

    def mean(self, tensors: Sequence[Any]) -> list[Any]:
        """The means of these tensors over all processes, which must all call it at the same place."""
        import tensorflow as tf

        def reduce(*mine: Any) -> list[Any]:
            with tf.device(self.strategy.extended.worker_devices[0]):
                placed = [tf.identity(tensor) for tensor in mine]
                return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, placed)

        return list(self.strategy.run(reduce, args=tuple(tensors)))

    def first(self, values: Sequence[float]) -> list[float]:
        """The values of process 0, in all of them; also a place to wait for each other."""
        import tensorflow as tf

        share = float(self.size if self.rank == 0 else 0)
        mine: Any = tf.constant([share * value for value in values], tf.float64)
        return self._exchanged(mine).numpy().tolist()
