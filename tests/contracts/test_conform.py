"""The conformance kit: it must pass what is correct, and fail what is broken, by clause."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from contracts.conform import UNSEEN, lifecycle
from contracts.conform.command import all_checks, main
from tests.requirements import need

BROKEN = Path(__file__).with_name("broken")
SPEC = Path(__file__).parents[2] / "contracts" / "SPEC.md"
MODEL = str(BROKEN / "stub.json")


def run(
    capsys: pytest.CaptureFixture[str], *options: str, adapter: str, model: bool = True
) -> tuple[int, list[dict[str, str]]]:
    """Drive an adapter of ``broken/``; give the exit code and the outcomes."""
    command = [sys.executable, "-m", f"tests.contracts.broken.{adapter}"]
    given = ["--model", MODEL] if model else []
    code = main(["--json", *given, *options, "--", *command])
    return code, json.loads(capsys.readouterr().out)


def clauses(outcomes: list[dict[str, str]], status: str) -> set[str]:
    """Give the clauses of the outcomes with this status."""
    return {outcome["clause"] for outcome in outcomes if outcome["status"] == status}


def test_the_correct_stub_passes_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    """What holds to the contract passes, nothing skipped."""
    code, outcomes = run(capsys, adapter="stub")
    assert [outcome for outcome in outcomes if outcome["status"] != "ok"] == []
    assert code == 0
    assert len(outcomes) > 90


# Adapter -> (what of the kit is run: --only; the clauses that must be named, and no others).
BREAKS = {
    "answers_twice": ("3", {"3.3"}),
    "wrong_id": ("3", {"3.2"}),
    "dies": ("2", {"2.5"}),
    "dies_after_its_reply": ("2", {"2.5"}),
    "prints_on_the_protocol": ("2", {"2.3"}),
    "prints_on_standard_output": ("2", {"2.3"}),
    "drops_na": ("6", {"6.6"}),
    "answers_nan_for_missing": ("6", {"6.6"}),
    "reorders_columns": ("5", {"5.5", "5.6"}),
    "takes_tables_that_lack_a_feature": ("5", {"5.5"}),
    "wrong_hello": ("", {"3.1"}),
    "ignores_sha256": ("5", {"5.6"}),
    "leaves_attachments": ("4.6", {"4.6"}),
    "follows_links": ("4", {"4.6"}),
    "ignores_expired": ("3", {"3.6"}),
    "ends_on_a_bad_message": ("5", {"5.2"}),
    "ends_all_on_a_bad_frame": ("4.5", {"4.5"}),
    "exits_with_1": ("2", {"2.2"}),
    "rounds_i64": ("6", {"6.9"}),
    "loses_microseconds": ("6", {"6.9"}),
    "allocates_what_is_announced": ("4", {"4.4"}),
    "decodes_without_bounds": ("4", {"4.4"}),
    "joins_and_fails_all": ("3", {"3.5"}),
    "swaps_answers": ("3", {"3.5"}),
    "unknown_code": ("7", {"7.2"}),
    "refuses_unknown_keys": ("", {"8.2"}),
    "forgets_when_a_fit_fails": ("5", {"5.4"}),
    "levels_by_place": ("6", {"6.5"}),
    "cuts_rows": ("5", {"5.5"}),
    "probabilities_by_alphabet": ("5", {"5.5"}),
    "answers_in_one_frame": ("4.6", {"4.6"}),
    "takes_files_of_other_folders": ("4.6", {"4.6"}),
    "leaves_attachments_of_unknown_ops": ("4.6", {"4.6"}),
    "loses_what_it_learnt": ("5.6", {"5.6"}),
    "reads_the_script_again": ("5.6", {"5.6"}),
    "blames_itself_when_reading_fails": ("5.7", {"5.7"}),
    "names_its_column_itself": ("5.5", {"5.5"}),
    "takes_any_number_of_columns": ("6.1", {"6.1"}),
    "takes_any_number_of_levels": ("6.5", {"6.5"}),
    "looks_at_missing_bools": ("6.4", {"6.4"}),
    "takes_a_value_too_few": ("4.4", {"4.4"}),
    "takes_buffers_that_overlap": ("4.4", {"4.4"}),
    "allocates_in_a_child": ("4.4", {"4.4"}),
    "answers_what_is_cancelled_twice": ("5.9", {"3.3", "5.9"}),
    "refuses_to_cancel": ("5.9", {"5.9"}),
    "blames_its_neighbour": ("2", {"2.7"}),
    "calls_tables_messages": ("6.2", {"6.2"}),
}


@pytest.mark.parametrize("adapter", BREAKS)
def test_a_broken_adapter_fails_by_its_clause(
    adapter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kit names the clause that the adapter's docstring names, and no other."""
    only, broken = BREAKS[adapter]
    code, outcomes = run(capsys, "--only", only, adapter=adapter)
    assert clauses(outcomes, "FAIL") == broken
    assert code == 1


# The same of those that keep the kit waiting: it waits a second instead of a minute.
SILENT = {
    "hangs": ("3.2", {"3.2"}),
    "silent_on_unknown_op": ("3.2", {"3.2"}),
    "takes_any_frame": ("4.3", {"4.3"}),
    "takes_a_key_twice": ("4.3", {"4.3"}),
    "waits_for_a_pipe": ("4.6", {"4.6"}),
    "says_nothing_first": ("", {"3.1"}),
    "one_connection": ("2.1", {"2.1"}),
    "goes_on_after_a_bad_frame": ("4.5", {"4.5"}),
    "outlives_its_lifeline": ("2.2", {"2.2"}),
}


@pytest.mark.parametrize("adapter", SILENT)
def test_an_adapter_that_keeps_silent_fails_by_its_clause(
    adapter: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is told from an answer, and ends the check, not the kit."""
    monkeypatch.setattr(lifecycle, "GRACE", 0.5)
    only, broken = SILENT[adapter]
    code, outcomes = run(capsys, "--only", only, "--timeout", "1", adapter=adapter)
    assert clauses(outcomes, "FAIL") >= broken
    assert clauses(outcomes, "FAIL") <= {only or "3.1"}
    assert code == 1


def test_every_must_is_checked_or_told_to_be_beyond_the_kit() -> None:
    """A clause that demands something has a check, or a reason why none can see it."""
    found = re.split(r"^- \*\*(\d\.\d+)", SPEC.read_text(), flags=re.MULTILINE)
    clauses = dict(zip(found[1::2], found[2::2], strict=True))
    demanding = {number for number, text in clauses.items() if "MUST" in text}
    cited = {check.clause for check in all_checks()}
    assert len(demanding) >= 20
    assert demanding - cited <= UNSEEN.keys()
    assert UNSEEN.keys() <= clauses.keys()


def test_every_broken_adapter_is_tried() -> None:
    """No script of ``broken/`` is without its test."""
    scripts = {path.stem for path in BROKEN.glob("*.py")} - {"__init__", "stub", "predicts_only"}
    assert scripts == BREAKS.keys() | SILENT.keys()


def test_absent_capabilities_are_skipped_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """An adapter that only predicts passes; what it lacks is a skip that says so."""
    code, outcomes = run(capsys, adapter="predicts_only")
    skipped = {o["reason"] for o in outcomes if o["status"] == "skip"}
    assert {outcome["claim"] for outcome in outcomes if outcome["status"] == "FAIL"} == set()
    assert "no capability fit" in skipped
    assert code == 0


def test_a_language_without_a_model_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --model, what needs one is skipped for a language that the kit does not know."""
    code, outcomes = run(capsys, "--only", "6.1", adapter="stub", model=False)
    assert {(outcome["status"], outcome["reason"]) for outcome in outcomes} == {
        ("skip", "no model for stub: give one with --model")
    }
    assert code == 0


def test_the_report_has_a_line_for_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    """People get lines and a summary."""
    command = [sys.executable, "-m", "tests.contracts.broken.exits_with_1"]
    assert main(["--only", "2.2", "--", *command]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAIL 2.2  ends with exit code 0 within 5 s when its standard input ends: "
        "saw 1, expected 0",
        "0 ok, 1 FAIL, 0 skip",
    ]


def test_a_command_that_ends_at_once_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What it said on standard error is in the report."""
    command = [sys.executable, "-c", "raise SystemExit('no such language here')"]
    assert main(["--", *command]) == 1
    out = capsys.readouterr().out
    assert "FAIL 2.1  starts, listens and says hello: saw an exit with code 1" in out
    assert "no such language here" in out


def test_a_command_that_never_listens_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The kit does not wait for ever."""
    assert main(["--timeout", "0.2", "--", sys.executable, "-c", "input()"]) == 1
    assert "no socket after 0.2 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--", "/no/such/command"], "No such file or directory"),
        (["--model", "/no/such/file", "--", "true"], "No such file or directory"),
        (["--model", __file__, "--", "true"], "Extra data"),
    ],
)
def test_a_wrong_command_line_is_told(
    options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 is for what the caller got wrong."""
    assert main(options) == 2
    assert told in capsys.readouterr().err


def test_a_model_file_needs_three_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without one of them is refused before anything is started."""
    (tmp_path / "model.json").write_text('{"mirror": {}}')
    assert main(["--model", str(tmp_path / "model.json"), "--", "true"]) == 2
    assert "needs the maps mirror, labels, failing" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--only", "3"], ["--nonsense", "--", "true"]])
def test_no_command_is_a_usage_error(options: list[str]) -> None:
    """argparse ends with 2."""
    with pytest.raises(SystemExit) as caught:
        main(options)
    assert caught.value.code == 2


def test_no_such_clause_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A kit that would run nothing says so, and starts nothing."""
    with pytest.raises(SystemExit) as caught:
        main(["--only", "99", "--", "/no/such/command"])
    assert caught.value.code == 2
    assert "--only 99: no check is of such a clause" in capsys.readouterr().err


def test_the_last_line_tells_what_a_model_would_have_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who gave no model does not read a clean report."""
    command = [sys.executable, "-m", "tests.contracts.broken.stub"]
    assert main(["--only", "6.1", "--", *command]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "0 ok, 0 FAIL, 2 skip (2 for want of a model: give one with --model)"
    )


@pytest.mark.parametrize(
    "language",
    [
        pytest.param("python", marks=need("python")),
        pytest.param("r", marks=need("r")),
        pytest.param("julia", marks=need("julia")),
    ],
)
def test_our_adapters_hold_to_the_contract(
    language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check holds; only what the language's adapter does not offer is skipped."""
    code = main(["--json", "--", sys.executable, "-m", f"adapters.{language}"])
    outcomes = json.loads(capsys.readouterr().out)
    assert [outcome for outcome in outcomes if outcome["status"] == "FAIL"] == []
    reasons = {outcome["reason"] for outcome in outcomes if outcome["status"] == "skip"}
    lacks = {"no capability read", "no script in the model map"}
    assert reasons == (lacks if language == "python" else set())
    assert code == 0
