"""The local Ray: closed to whoever lacks its token, reachable from this machine only, gone with its driver."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

pytest.importorskip("ray")

DRIVER = """
import os, time
from search.engine.ray_cluster import Workers, ray_cluster
with ray_cluster(Workers(count=1, threads=1)):
    import ray
    @ray.remote
    def worker(): return os.getpid()
    print(ray.get_runtime_context().gcs_address, os.environ["RAY_AUTH_TOKEN"], ray.get(worker.remote()), flush=True)
    time.sleep(300)
"""
CLIENT = """
import sys, ray
ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)
print("connected", ray.cluster_resources()["CPU"], flush=True)
"""


@contextmanager
def driving(code: str):
    """A process with a local Ray: (process, address, token, a worker's pid)."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    address, token, worker = process.stdout.readline().split()
    yield process, address, token, int(worker)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def driver():
    with driving(DRIVER) as driver:
        yield driver


def client(address: str, **variables: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", **variables}
    command = [sys.executable, "-c", CLIENT, address]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def first_line_with(process: subprocess.Popen, words: tuple[str, ...]) -> str:
    assert process.stdout
    line = next((line for line in process.stdout if any(word in line for word in words)), "nothing")
    process.kill()
    process.wait()
    return line


@pytest.mark.parametrize("token", [None, "0" * 64])
def test_a_client_without_the_token_is_refused(driver, token):
    variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token} if token else {}
    answer = first_line_with(client(driver[1], **variables), ("Unauthenticated", "connected"))
    assert "InvalidAuthToken" in answer


def test_a_ray_that_was_imported_before_is_locked_by_a_token_too():
    with driving(f"import ray\n{DRIVER}") as (_, address, token, _worker):
        answer = first_line_with(client(address), ("Unauthenticated", "connected"))
        assert "InvalidAuthToken" in answer
        trusted = client(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token)
        assert first_line_with(trusted, ("Unauthenticated", "connected")) == "connected 1.0\n"


def test_a_client_with_the_token_connects(driver):
    trusted = client(driver[1], RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=driver[2])
    assert first_line_with(trusted, ("Unauthenticated", "connected")) == "connected 1.0\n"


def test_every_port_is_on_the_loopback_interface(driver):
    family = [driver[0].pid, *(child.pid for child in psutil.Process(driver[0].pid).children(recursive=True))]
    listening = [c.laddr.ip for c in psutil.net_connections("tcp") if c.pid in family and c.status == "LISTEN"]
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_the_workers_die_with_a_killed_driver(driver):
    process, _, _, worker = driver
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 30
    while psutil.pid_exists(worker) and psutil.Process(worker).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the worker outlived its driver by 30 seconds"
        time.sleep(0.1)
