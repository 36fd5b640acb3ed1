"""The story of ./run demo: it is told to its end, the README quotes it truly, and it leaves nothing."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from sandbox import main

if not (shutil.which("dovecot") or os.path.exists("/usr/sbin/dovecot")):
    print("skipped: there is no dovecot")
    sys.exit(77)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Told:
    """The demo, with a folder of its own for all that it makes."""

    def __init__(self, *args):
        self.tmp = tempfile.mkdtemp(prefix="wess-told-")
        os.chmod(self.tmp, 0o755)  # Dovecot is not root's
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "demo", "demo.py"), *args], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env=dict(os.environ, TMPDIR=self.tmp, ASAN_OPTIONS="detect_leaks=0"))

    def __enter__(self):
        return self

    def end(self):
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, out, err

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        left = os.listdir(self.tmp)
        shutil.rmtree(self.tmp)
        assert kind or not left, f"left behind: {left}"


def words_of(line):
    return re.sub(r"\s+", " ", line).strip()


def test_it_is_told_to_its_end_and_quoted_truly():
    started = time.monotonic()
    with Told() as demo:
        status, out, err = demo.end()
    assert status == 0, f"status {status}\n{out[-2000:]}\n{err}"
    took = time.monotonic() - started
    with open(os.path.join(ROOT, "README.md")) as f:
        quoted = re.search(r"(?m)(^    \$ wess .*\n(?:    \|.*\n)+)", f.read())[1]
    lines = [words_of(line) for line in out.splitlines()]
    quote = [words_of(line) for line in quoted.splitlines()]
    at = lines.index(quote[0])
    assert lines[at:at + len(quote)] == quote, "\n".join(lines[at:at + len(quote)])
    chapters = re.findall(r"(?m)^(\d+)\. ", out)
    assert chapters == [str(n + 1) for n in range(len(chapters))] and len(chapters) > 9, chapters
    print(f"told in {took:.1f} s")


def test_cut_off_it_leaves_nothing():
    with Told("--stay") as demo:
        for line in demo.process.stdout:
            if line.startswith("The servers stay up"):
                break
        assert demo.process.poll() is None, demo.process.stderr.read()
        demo.process.send_signal(signal.SIGTERM)
        assert demo.end()[0] == 0
    with Told() as demo:
        for line in demo.process.stdout:
            if line.startswith("3. "):
                break
        demo.process.send_signal(signal.SIGTERM)
        assert demo.end()[0] == 143


if __name__ == "__main__":
    main(globals())
