"""The child process, without QGIS: these modules of the plugin need no more than Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.paths import REPOSITORY, SAMPLES
from tests.qgis.conftest import QGIS_FOLDER

from road_extract_qgis import child as child_module  # isort: skip
from road_extract_qgis.child import run_child  # isort: skip
from road_extract_qgis.interpreter import ChildError, clean_environment  # isort: skip
from road_extract_qgis.monitor import SHOWN_LINES, Monitor  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and shell scripts")


class Feedback:
    """As much of QgsProcessingFeedback as is used."""

    def __init__(self):
        self.percents, self.texts, self.infos, self.warnings, self.console = [], [], [], [], []
        self.setProgress = self.percents.append
        self.setProgressText = self.texts.append
        self.pushInfo = self.infos.append
        self.pushWarning = self.warnings.append
        self.pushConsoleInfo = self.console.append


@pytest.fixture
def feedback():
    return Feedback()


def run(code: str, feedback: Feedback, outputs=(), is_cancelled=lambda: False, shares=None):
    monitor = Monitor(feedback, shares or {"predict": (2, 92), "vectorize": (92, 100)})
    done = run_child([sys.executable, "-c", code], dict(os.environ), outputs, monitor, is_cancelled)
    return done, monitor


def say(**event) -> str:
    return f"print({json.dumps(json.dumps(event))}, flush=True)\n"


RESULT = say(event="result", features=3)


def test_messages_of_the_child_reach_the_dialog(feedback):
    code = say(event="log", level="info", message="resampled") + say(event="log", level="warning", message="too coarse")
    for stage, total in (("predict", 4), ("vectorize", 2)):
        for done in range(1, total + 1):
            code += say(event="progress", stage=stage, done=done, total=total, unit="windows")
    done, monitor = run(code + RESULT, feedback)
    assert done
    assert monitor.result["features"] == 3
    assert feedback.percents == [24.5, 47.0, 69.5, 92.0, 96.0, 100.0, 100.0]
    assert len(feedback.texts) == 2
    assert feedback.infos == ["resampled"]
    assert feedback.warnings == ["too coarse"]


def test_progress_never_decreases_and_tolerates_unknown_events(feedback):
    code = say(event="progress", stage="predict", done=3, total=4, unit="windows")
    code += say(event="progress", stage="predict", done=1, total=4, unit="windows")
    code += say(event="progress", stage="novelty", done=5, total=0) + say(event="novelty") + "print('not JSON')\n"
    run(code + RESULT, feedback)
    assert feedback.percents == [69.5, 69.5, 69.5, 100.0]
    assert feedback.console == ["not JSON"]


def test_two_megabytes_of_stderr_neither_block_nor_flood(feedback):
    done, _ = run("import sys\nfor i in range(40000): print('x' * 50, file=sys.stderr)\n" + RESULT, feedback)
    assert done
    assert len(feedback.console) == SHOWN_LINES


def test_an_endless_line_is_read_in_pieces(feedback):
    done, _ = run("import sys\nsys.stderr.write('x' * 3_000_000)\n" + RESULT, feedback)
    assert done
    assert max(map(len, feedback.console)) <= child_module.LINE_BYTES


def test_the_childs_own_message_is_the_error(feedback):
    code = (
        say(event="error", message="a.tif: has no CRS")
        + "import sys; print('Error: a.tif: has no CRS', file=sys.stderr); sys.exit(1)"
    )
    with pytest.raises(ChildError, match=r"^a\.tif: has no CRS$"):
        run(code, feedback)
    assert feedback.console == []


def test_an_error_before_json_starts_is_reported_too(feedback):
    with pytest.raises(ChildError, match=r"^No such option: --novelty$"):
        run("import sys; print('Usage: x', file=sys.stderr); sys.exit('Error: No such option: --novelty')", feedback)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "memory ran out"),
        ("import sys; sys.exit(137)", "memory ran out"),  # by a shell between
        ("import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()", "crashed .SIGABRT"),
        ("import os; os.kill(os.getpid(), 4)", "CPU lacks"),
        ("raise SystemExit(3)", "ended with code 3"),
        ("pass", "ended with code 0"),  # but without a result
    ],
)
def test_a_crash_is_explained_and_leaves_nothing(code, words, feedback, tmp_path):
    out = tmp_path / "roads.gpkg"
    beside = tmp_path / ".roads-2.tmp-keep.gpkg"
    beside.touch()
    code = f"open({str(tmp_path / '.roads.tmp-12-ab.tif')!r}, 'w').close()\n" + code
    with pytest.raises(ChildError, match=words):
        run(code, feedback, [str(out)])
    assert list(tmp_path.iterdir()) == [beside]


def test_windows_codes_are_explained():
    monitor = Monitor(Feedback(), {})
    assert "memory" in monitor.explain(0xC0000017)
    assert "crashed (code 0xc0000005)" in monitor.explain(0xC0000005)


def cancel_after(seconds: float):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def test_a_silent_child_is_cancelled_at_once(feedback):
    started = time.monotonic()
    done, _ = run("import time; time.sleep(60)", feedback, is_cancelled=cancel_after(0.5))
    assert not done
    assert time.monotonic() - started < 30


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_child_that_does_not_exit_is_killed_with_its_children(feedback, tmp_path):
    note, leftover = tmp_path / "pids", tmp_path / ".roads.tmp-1-a.gpkg"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(leftover)!r}, 'w').close()\n"
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{other.pid}} .')\n"
        "time.sleep(60)\n"
    )
    # not before the child ignores the signal, however slowly it starts
    asked: list[float] = []

    def is_cancelled():
        if not asked and note.exists() and note.read_text().endswith("."):
            asked.append(time.monotonic())
        return bool(asked)

    done, _ = run(code, feedback, [str(tmp_path / "roads.gpkg")], is_cancelled=is_cancelled)
    assert not done
    assert child_module.GRACE_S < time.monotonic() - asked[0] < 30
    assert not leftover.exists()
    time.sleep(0.2)
    assert not any(is_running(int(pid)) for pid in note.read_text().split()[:2])


def test_a_grandchild_that_keeps_the_streams_open_does_not_block_us(feedback):
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    started = time.monotonic()
    done, _ = run(code + RESULT, feedback)
    assert done
    assert time.monotonic() - started < 30


POISON = {
    "PYTHONHOME": "/nowhere", "PYTHONEXECUTABLE": "/nowhere/python", "PROJ_LIB": "/nowhere", "PROJ_DATA": "/nowhere",
    "GDAL_DATA": "/nowhere", "GDAL_DRIVER_PATH": "/nowhere", "LD_PRELOAD": "/nowhere/x.so", "QT_PLUGIN_PATH": "/x",
}  # fmt: skip


def test_variables_that_would_break_another_python_are_removed():
    cleaned = clean_environment({**POISON, "PYTHONPATH": "/nowhere", "pythonpath": "/nowhere", "HOME": "/home/me"})
    assert cleaned == {"HOME": "/home/me", "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_child_exits_when_qgis_is_killed(tmp_path, child_python):
    """A process that stands for QGIS starts the real command line, and is killed while that works."""
    parent = (
        f"import os, sys; sys.path.insert(0, {str(QGIS_FOLDER)!r})\n"
        "from road_extract_qgis.child import Child\n"
        f"child = Child([{str(child_python)!r}, '-m', 'road_extract', '--watch-stdin', 'extract', '--progress', "
        f"'json', '--native-gsd', '--batch-size', '1', {str(SAMPLES / 'vegas_pan.tif')!r}, 'r.gpkg'], "
        "dict(os.environ))\n"
        "print(child._process.pid, flush=True)\n"
        "for source, line in child.iter_lines(lambda: False): print(line, flush=True)\n"
    )
    environ = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-c", parent], cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environ
    ) as qgis:
        assert qgis.stdout is not None
        pid = int(qgis.stdout.readline())
        for line in qgis.stdout:
            if '"predict"' in line:
                break
        assert any(tmp_path.iterdir())
        qgis.send_signal(signal.SIGKILL)
    end = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not is_running(pid)
    assert list(tmp_path.iterdir()) == []
