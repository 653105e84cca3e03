"""``make bench`` finds what there is to measure, and the page about performance names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from benchmarks import __main__ as runner
from benchmarks import web_log_analysis
from tests.docs import doc_pages


def test_every_module_with_a_main_is_found() -> None:
    for name in runner.benchmarks():
        single, package = runner.FOLDER / f"{name}.py", runner.FOLDER / name / "__main__.py"
        assert "main" in runner.functions(single if single.exists() else package)
    assert {"web_log_reading", "web_log_analysis", "detection"} <= set(runner.benchmarks())


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"web_log_reading.*got nonsense"):
        runner.main(["nonsense"])


def done(status: int, out: str, err: str) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], status, out, err)


@pytest.mark.parametrize(
    ("result", "status", "shown"),
    [
        (done(0, "| a |\n|---|\n| 1 |\n", ""), 0, "## x\n\n| a |\n|---|\n| 1 |\n\n"),
        (done(0, "plain\n", ""), 0, "## x\n\n```text\nplain\n```\n\n"),
        (done(2, "", "no data\n"), 0, "Skipped: no data"),
        (done(1, "", "Traceback\n"), 1, "Failed with status 1"),
    ],
)
def test_output_is_printed_as_markdown(
    result: subprocess.CompletedProcess[str], status: int, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock.patch.object(runner, "benchmarks", return_value=["x"]), mock.patch("subprocess.run", return_value=result):
        assert runner.main([]) == status
    assert shown in capsys.readouterr().out


def test_a_program_is_measured_in_seconds_processor_time_and_memory() -> None:
    seconds, cpu, memory = web_log_analysis.measure([sys.executable, "-c", "x = b'1' * 50_000_000"])
    assert seconds > 0
    assert 0 < cpu < 60
    assert 50 < memory < 500
    with pytest.raises(RuntimeError, match="status 3"):
        web_log_analysis.measure([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_same_file_is_given_to_every_whole_program(tmp_path: Path) -> None:
    for _, command, path in web_log_analysis.programs(tmp_path):
        assert any(str(path) in argument for argument in command)
        assert path.name in {web_log_analysis.WHOLE, web_log_analysis.PART, web_log_analysis.FEW}


@pytest.mark.parametrize("page", ["performance.md", "performance.ja.md"])
def test_the_page_about_performance_names_every_benchmark(page: str) -> None:
    text = (doc_pages.ROOT / "docs" / "explanation" / page).read_text("utf-8")
    for name in runner.benchmarks():
        assert f"`{name}`" in text, f"{page} does not say what {name} measured"
