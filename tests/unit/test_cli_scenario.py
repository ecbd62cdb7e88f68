"""`fclab run`: scenarios in TOML, their errors, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from fclab.cli import main
from fclab.commands.places import lessons_folder
from fclab.observe.recording import Recording

HELLO = '[functions.hello]\nduration = 0.1\nboot = 1.0\n[[calls]]\nfunction = "hello"\nat = [0, 60, 600]\n'


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "s.toml"


def test_three_requests(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario.write_text(f'title = "Three"\n{HELLO}[expect]\nrequests = 3\ncold_starts = 2\n', encoding="utf-8")
    assert main(["run", str(scenario), "--record", "rec.json"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Three: 3 requests, 3 succeeded, 0 failed, 0 refused, 0 waiting, 2 cold starts\n")
    assert "hello#1" in out
    assert not err
    assert len(Recording.load("rec.json")) > 10


def test_the_same_scenario_gives_the_same_recording(scenario: Path) -> None:
    scenario.write_text('[functions.f]\nduration = 0.1\n[[traffic]]\nfunction = "f"\nrate = 2\nduration = 60\n', encoding="utf-8")
    assert main(["run", str(scenario), "--record", "a.json"]) == 0
    assert main(["run", str(scenario), "--record", "b.json"]) == 0
    assert Recording.load("a.json").digest == Recording.load("b.json").digest


def test_the_example_in_the_lessons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(lessons_folder() / "data" / "evening-burst.toml")]) == 0, capsys.readouterr().err


def test_what_was_expected_and_did_not_come_is_exit_code_1(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario.write_text(f"{HELLO}[expect]\ncold_starts = 3\n", encoding="utf-8")
    assert main(["run", str(scenario)]) == 1
    assert capsys.readouterr().err == "fclab run: cold_starts: expected 3, got 2\n"


def test_a_function_error_is_exit_code_1_unless_expected(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow = '[functions.slow]\nduration = 9\ntimeout = 1\n[[calls]]\nfunction = "slow"\nat = 0\n'
    scenario.write_text(slow, encoding="utf-8")
    assert main(["run", str(scenario)]) == 1
    assert "1 requests failed" in capsys.readouterr().err
    scenario.write_text(f"{slow}[expect]\nfailed = 1\n", encoding="utf-8")
    assert main(["run", str(scenario)]) == 0


def test_a_reservation_made_later_holds_from_then_on(scenario: Path) -> None:
    text = HELLO.replace("[0, 60, 600]", "[0, 1000]") + '[[reserve]]\nfunction = "hello"\nat = 500\ncount = 1\n[expect]\ncold_starts = 1\n'
    scenario.write_text(text, encoding="utf-8")
    assert main(["run", str(scenario)]) == 0


def test_exports_are_written(scenario: Path) -> None:
    scenario.write_text(f'{HELLO}[output]\nshow = []\nexport = ["a.html", "a.svg", "a.csv"]\n', encoding="utf-8")
    assert main(["run", str(scenario)]) == 0
    page = Path("a.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml;base64,") == 2
    assert "hello#1" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert Path("a.svg").read_text(encoding="utf-8").startswith("<svg")
    assert Path("a.csv").read_text(encoding="utf-8").splitlines()[1].startswith("R1,hello,sync,0,1.1,1,1.1,1.1,ok,200,,cold,hello#1,1,1,")


WRONG: dict[str, tuple[str, str]] = {
    "no TOML": ("= 3", "is not TOML"),
    "no function": ("until = 3", "declares no function"),
    "unknown key at the top": (f"untill = 3\n{HELLO}", "did you mean until?"),
    "unknown option": ("[functions.f]\nduratoin = 1\n", "did you mean duration?"),
    "code has no place here": ('[functions.f]\nhandler = "x"\n', "does not know the key 'handler'"),
    "unknown lab option": (f"[lab]\nsemantic = 'fc'\n{HELLO}", "did you mean semantics?"),
    "unknown preset": (f"[lab]\nsemantics = 'azure'\n{HELLO}", "[lab]"),
    "unknown function": ('[functions.f]\nduration = 1\n[[calls]]\nfunction = "g"\n', "names no declared function: 'g'"),
    "one bracket": ('[functions.f]\nduration = 1\n[calls]\nfunction = "f"\n', "with two brackets"),
    "a function that is a number": ("[functions]\nf = 3\n", "must be a table"),
    "a table that is a number": (f"lab = 3\n{HELLO}", "must be a table"),
    "time in words": ('[functions.f]\nduration = 1\n[[calls]]\nfunction = "f"\nat = "noon"\n', "[[calls]] number 1"),
    "negative time": ('[functions.f]\nduration = 1\n[[calls]]\nfunction = "f"\nat = -1\n', "[[calls]] number 1"),
    "negative duration": ("[functions.f]\nduration = -1\n", "[functions.f]"),
    "until in words": (f'until = "noon"\n{HELLO}', "until must be a number"),
    "payload that is a number": (f"{HELLO}payload = 3\n", "payload must be text"),
    "show what is not there": (f'{HELLO}[output]\nshow = ["film"]\n', "show in [output]"),
    "export to nowhere": (f'{HELLO}[output]\nexport = ["none/a.html"]\n', "does not exist"),
    "export to an unknown format": (f'{HELLO}[output]\nexport = ["a.pdf"]\n', "no ending"),
    "expect in words": (f'{HELLO}[expect]\nfailed = "none"\n', "must be a whole number"),
    "half an outage": (f"{HELLO}[[faults]]\noutage = [3]\n", "An outage is"),
    "fault without a place": (f"{HELLO}[[faults]]\ndrop = 1\n", "lacks the key 'arrow'"),
    "reserve without a count": (f'{HELLO}[[reserve]]\nfunction = "hello"\n', "lacks the key 'count'"),
    "unknown async setting": ("[functions.f]\nasync_config = { retries = 3 }\n", "[functions.f]"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_scenarios_are_exit_code_2_and_one_clear_message(
    text: str, message: str, scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario.write_text(text, encoding="utf-8")
    code = main(["run", str(scenario)])
    err = capsys.readouterr().err
    assert message in err
    assert code == 2
    assert err.startswith("fclab run: ")
    assert "Traceback" not in err
