"""A run's folder: its resolved config, its environment, and the right to write in it."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from movinet.config.typed import ConfigError, show
from movinet.machine.files import clear_drafts, write_whole
from movinet.machine.lock import locked
from search.engine.ray_cluster import gpu_count, usable_cores
from search.journal import ASKED_FILE
from search.settings import Settings, first_difference, is_steering, load_settings, settings_to_yaml, steered

CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
LABELS_FILE = "labels.json"
NOTES_FILE = "notes.txt"  # a line on each kind of thing that is left out of the clips


@contextmanager
def open_run(run_folder: Path, settings: Settings) -> Iterator[None]:
    """Holds the run: creates its folder with config.yaml and environment.json, or checks that the config is the same.

    A run that has not tried anything takes the new settings. Raises ConfigError with the first one that differs.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    config = run_folder / CONFIG_FILE
    with locked(run_folder):
        clear_drafts(run_folder)
        if config.exists() and (run_folder / ASKED_FILE).exists():
            difference = first_difference(load_settings(config), settings)
            if difference:
                key, old, new = difference
                steers = f", or `resume {run_folder.name} --set {key}={show(new)}`" if is_steering(key) else ""
                raise ConfigError(
                    f"{config}: {key}={show(old)}, but now {show(new)}; a run keeps its settings: allowed: "
                    f"the same, or another --name{steers}"
                )
        else:
            write_whole(run_folder / ENVIRONMENT_FILE, json.dumps(environment(settings), indent=1))
            write_whole(config, settings_to_yaml(settings))
        yield


def steer_run(run_folder: Path, overrides: Sequence[str]) -> Settings:
    """The run's settings, with overrides that are its own from now on. Raises ConfigError as `steered`."""
    config = run_folder / CONFIG_FILE
    with locked(run_folder):
        settings = steered(config, overrides)
        if overrides:
            write_whole(config, settings_to_yaml(settings))
    return settings


def environment(settings: Settings) -> dict[str, Any]:
    """What is needed to repeat a run, or to understand its times."""
    packages = ("movinet-search", "tensorflow", "tensorflow-cpu", "keras", "ray", "numpy", "av")
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # tensorflow or tensorflow-cpu
    machine = {"system": platform.platform(), "processor": platform.machine(), "cores": usable_cores()}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "machine": {**machine, "gpus": gpu_count()},
        "seed": settings.search.seed,
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
