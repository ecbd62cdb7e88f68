"""The command line: exit codes, messages, and each command that needs no browser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fclab import Lab
from fclab.cli import main
from fclab.commands import notebook
from fclab.commands.doctor import findings
from fclab.commands.lab import jupyter_arguments
from fclab.commands.places import lessons_folder, notebooks
from fclab.errors import UsageError
from fclab.observe.recording import Recording


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    with Lab() as lab:
        lab.declare("hello", duration=0.1, boot=1.0)
        lab.invoke_at("hello", [0, 60, 600])
        lab.run()
        return lab.recording.save(tmp_path / "rec.json")


def cells(*sources: str, output: str = "") -> str:
    made = [
        {
            "cell_type": "code",
            "execution_count": number,
            "id": f"c{number}",
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": [output]}] if output else [],
            "source": [source],
        }
        for number, source in enumerate(sources, 1)
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize("argv", [[], ["fly"], ["run"], ["export", "one"], ["lab", "--fast"], ["doctor", "me"]])
def test_wrong_arguments_are_exit_code_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "usage: fclab" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["--help"], ["lab", "--help"], ["run", "--help"], ["check", "-h"], ["export", "-h"], ["doctor", "-h"]])
def test_help_is_exit_code_0(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    assert "usage: fclab" in capsys.readouterr().out


def test_the_command_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "fclab", "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("ending", ["html", "svg", "csv"])
def test_export(recording: Path, ending: str) -> None:
    out = recording.with_name(f"out.{ending}")
    assert main(["export", str(recording), str(out)]) == 0
    assert out.stat().st_size > 200
    assert not list(recording.parent.glob("*.part"))


def test_exported_as_json_it_is_the_recording_itself(recording: Path) -> None:
    out = recording.with_name("copy.json")
    assert main(["export", str(recording), str(out)]) == 0
    assert Recording.load(out).diff(Recording.load(recording)) == []
    with Lab() as lab:
        lab.declare("hello", duration=0.1)
        lab.invoke("hello")
        assert Recording.load(lab.export(recording.with_name("own.json"))).digest == lab.recording.digest


def test_an_unknown_ending_is_told_all_that_can_be_written(recording: Path) -> None:
    with pytest.raises(UsageError) as caught, Lab() as lab:
        lab.export(recording.with_name("out.pdf"))
    assert caught.value.hint == "end the name with one of .html, .svg, .csv, .json"


@pytest.mark.parametrize(
    ("rec", "out", "message"),
    [
        ("rec.json", "out.pdf", "no ending that can be written"),
        ("rec.json", "nowhere/out.html", "does not exist"),
        ("none.json", "out.html", "cannot be read"),
        ("bad.json", "out.html", "is not a recording"),
    ],
)
def test_export_says_what_is_wrong(recording: Path, rec: str, out: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    (recording.parent / "bad.json").write_text("{}\n", encoding="utf-8")
    assert main(["export", str(recording.parent / rec), str(recording.parent / out)]) == 2
    assert message in capsys.readouterr().err


def test_an_unforeseen_error_is_one_message_and_exit_code_1(
    recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fclab.observe.recording.Recording.load", lambda path: 1 / 0)
    assert main(["export", str(recording), str(recording.with_name("out.csv"))]) == 1
    assert capsys.readouterr().err.startswith("fclab export: ZeroDivisionError: division by zero\n  This is a mistake in fclab")
    monkeypatch.setenv("FCLAB_TRACEBACK", "1")
    assert main(["export", str(recording), str(recording.with_name("out.csv"))]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_doctor_finds_nothing_wrong_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert [finding for finding in findings() if finding.state == "wrong"] == []
    assert main(["doctor"]) == 0
    assert "three requests took 1.1, 0.1, 1.1 s" in capsys.readouterr().out


def test_doctor_says_what_to_do_about_an_unfit_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib import metadata

    really = metadata.version
    monkeypatch.setattr("fclab.commands.doctor.metadata.version", lambda name: "6.31.0" if name == "ipykernel" else really(name))
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert " wrong  ipykernel 6.31.0, for the notebook\n" in out
    assert "ipykernel must be <8,>=7.4" in out


def test_jupyter_arguments_end_with_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    made = jupyter_arguments(Path("/x/y"), "00 first.ipynb", ["--port=9"])
    assert made[:2] == ["--ServerApp.root_dir=/x/y", "--LabApp.default_url=/lab/tree/00%20first.ipynb"]
    assert made[-1] == "--port=9"
    assert "--ServerApp.allow_root=True" not in made
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--ServerApp.allow_root=True" in jupyter_arguments(Path("/x"), "a.ipynb", [])


def test_lab_refuses_the_lessons_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "--lessons", str(lessons_folder())]) == 2
    assert "--in-place" in capsys.readouterr().err


def test_lab_in_place_needs_notebooks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "--in-place", "--lessons", str(tmp_path)]) == 2
    assert "holds no notebook" in capsys.readouterr().err


def test_checkpoints_are_no_lessons(tmp_path: Path) -> None:
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for name in ("b.ipynb", "a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    assert [path.name for path in notebooks(tmp_path)] == ["a.ipynb", "b.ipynb"]


def test_check_compares_and_update_stores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(cells("print(1 + 1)", output="3\n"), encoding="utf-8")
    assert main(["check", str(path)]) == 1
    said = capsys.readouterr()
    assert "0 of 1 notebooks are right" in said.out
    assert "Cell 0" in said.err
    assert main(["check", "--update", str(tmp_path)]) == 0
    assert notebook.read(path)["cells"][0]["outputs"][0]["text"] in ("2\n", ["2\n"])
    assert main(["check", str(path)]) == 0


def test_update_leaves_a_failing_notebook_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(before := cells("1 / 0"), encoding="utf-8")
    assert main(["check", "--update", str(path)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json"])
def test_check_says_what_is_no_notebook(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "n.ipynb").write_text(text, encoding="utf-8")
    assert main(["check", str(tmp_path / "n.ipynb")]) == 2
    assert "is not a notebook" in capsys.readouterr().err


def test_stripping_keeps_the_picture_and_drops_the_live_view() -> None:
    both = {notebook.VIEW: {"model_id": "x"}, "text/plain": "Timeline()", "text/html": "<img>"}
    alone = {notebook.VIEW: {"model_id": "y"}}
    made = {
        "metadata": {"widgets": {}, "language_info": {"name": "python", "version": "3.11.7"}},
        "cells": [{"cell_type": "code", "metadata": {"execution": {}}, "outputs": [{"data": both}, {"data": alone}]}],
    }
    stripped = notebook.strip(made)
    assert stripped["metadata"] == {"language_info": {"name": "python"}}
    (cell,) = stripped["cells"]
    assert cell["metadata"] == {}
    assert [output["data"] for output in cell["outputs"]] == [{"text/plain": "Timeline()", "text/html": "<img>"}, alone]


def test_lesson_rules(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(cells("\n".join(f"x{n} = {n}" for n in range(13)), "2;", output="o" * 41_000), encoding="utf-8")
    assert [fault.partition(":")[0] for fault in notebook.faults(path)] == [
        "code cell 1 has 13 lines; the limit is 12",
        "the outputs of code cell 1 have 41059 bytes; the limit is 40000",
        "the outputs of code cell 2 have 41059 bytes; the limit is 40000",
        "code cell 2 ends with ';', which strict comparison does not honour",
    ]


def test_doctor_counts_what_an_extra_asks_for_to_that_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib import metadata

    def version(name: str) -> str:
        if name in ("starlette", "uvicorn", "tzdata"):
            raise metadata.PackageNotFoundError(name)
        return really(name)

    really = metadata.version
    monkeypatch.setattr("fclab.commands.doctor.metadata.version", version)
    assert main(["doctor"]) == 0
    assert "absent  starlette, uvicorn, for official clients\n" in capsys.readouterr().out
