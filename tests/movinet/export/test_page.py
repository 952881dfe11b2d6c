"""The page of docs/export.md, as it stands there, in a real browser."""

import json
import runpy
import shutil
import subprocess
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import numpy as np
import pytest

from movinet.export.run import export
from tests.movinet.export.test_runners import node_folder  # noqa: F401  # a fixture
from tests.support.exports import CLIP, LABELS, SIZE, built
from tests.support.paths import ROOT

DOCUMENT = ROOT / "docs" / "export.md"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 90
SHOW = """
  const rows = [], { frames } = await (await fetch("frames.json")).json();
  try {
    for (const rgba of frames) {
      const shown = new OffscreenCanvas(width, height);
      shown.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(rgba), width, height), 0, 0);
      rows.push(await push(shown));
    }
  } catch (error) {
    rows.push(`${error}`);
  }
  await fetch("/answer", { method: "POST", body: JSON.stringify(rows) });
</script>
"""


class Site(SimpleHTTPRequestHandler):
    """Serves a folder, and puts what a page sends into a queue."""

    def __init__(self, answers: Queue, *arguments, **options):
        self.answers = answers
        super().__init__(*arguments, **options)

    def do_POST(self) -> None:
        self.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format, *arguments) -> None:
        """No line for each file."""


def answer_of(folder: Path, page: str) -> list:
    """What the page sends from a browser that visits it."""
    answers: Queue = Queue()
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, answers, directory=str(folder)))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        address = f"http://127.0.0.1:{site.server_port}/{page}"
        visit = subprocess.Popen([*command, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return answers.get(timeout=SECONDS)
        finally:
            visit.kill()
            visit.wait(SECONDS)
            site.shutdown()
            site.server_close()


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="neither chromium nor google-chrome is installed")
def test_the_documents_page_gives_the_probabilities_of_the_python_runner(node_folder):  # noqa: F811
    export(built(), node_folder / "net.tflite", clip=CLIP, labels=LABELS, at_frames=(2,))
    code = DOCUMENT.read_text(encoding="utf-8").split("```html\n")[1].split("```")[0]
    (node_folder / "page.html").write_text(code.rstrip().removesuffix("</script>") + SHOW)
    video = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), np.uint8)
    opaque = np.concatenate([video, np.full((4, SIZE, SIZE, 1), 255, np.uint8)], -1)
    (node_folder / "frames.json").write_text(json.dumps({"frames": opaque.reshape(4, -1).tolist()}))
    shown = answer_of(node_folder, "page.html")
    module = runpy.run_path(str(node_folder / "net_runner.py"))
    runner = module["Runner"](node_folder)
    np.testing.assert_allclose(
        shown, [module["probabilities"](runner.push(frame), False) for frame in video], atol=1e-5
    )
