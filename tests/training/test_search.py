"""`runner grid-search`, as people run it: parity row `pld-grid-search`, in every language."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from runner.training.failures import read
from tests.requirements import need
from tests.serving.project import RUNNER, write_project
from tests.training.services import SEARCHED, service

LANGUAGES = [pytest.param(name, marks=need(name)) for name in SEARCHED]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_best_is_found_told_and_stored(tmp_path: Path, language: str) -> None:
    """pld-grid-search --save-results --persist-best: sorted table, CSV, the best model stored.

    One candidate's failure is told in its language's words, and the others are scored all the same.

    Row "grid-search".
    """
    case = SEARCHED[language]
    grid = {case.parameter: [case.bad, case.refused, case.good]}
    project = service(
        tmp_path / language, language, f"grid_search: {{param_grid: {json.dumps(grid)}, cv: 2}}"
    )
    done = project.run("grid-search", "--save-results", "scores.csv", "--persist-best")
    assert done.code == 0, done.stderr
    ranks = [line.split()[:3] for line in done.stdout.splitlines()[:4]]
    assert ranks[0] == ["RANK", case.parameter, "SCORE"]
    values = [float(found[1]) for found in ranks[1:]]
    assert values == [case.good, case.bad, case.refused]
    assert ranks[3][2] == "failed"
    assert "Wrote best model with version 1, now active." in done.stdout
    assert "6 of 6 fits done" in done.stderr
    assert f"2 fits failed: {language}: " in done.stderr
    assert case.words in done.stderr
    assert "Traceback" not in done.stderr
    with (project.folder / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank_test_score"] for row in rows] == ["1", "2", "3"]
    assert float(rows[0]["mean_test_score"]) > float(rows[1]["mean_test_score"]) > 0.2
    assert rows[0].keys() >= {"split0_test_score", "split1_test_score", "mean_fit_time", "params"}
    tested = project.run("test", "--json").json
    assert tested["version"] == 1
    assert tested["scores"]["score"] > 0.9
    (model,) = project.run("list", "--json").json["models"]
    assert model["cv_results"][0]["params"] == {case.parameter: case.good}
    assert str(case.good) in json.dumps(model["model"])
    record = json.loads((project.folder / "runner-audit.jsonl").read_text().splitlines()[0])
    assert (record["event.action"], record["event.outcome"]) == ("grid_search", "success")
    assert (record["runner.model.version"], record["runner.rows"]) == (1, 100)


def test_scores_are_those_of_scikit_learn(tmp_path: Path) -> None:
    """A Python model gets, to the last digit, the scores that GridSearchCV gives it directly."""
    grid = {"min_samples_leaf": [1, 20], "criterion": ["gini", "entropy"]}
    project = service(
        tmp_path / "python",
        "python",
        f"grid_search: {{param_grid: {json.dumps(grid)}, cv: 3, scoring: [f1_macro, accuracy]}}",
    )
    found = project.run("grid-search", "--json")
    assert found.code == 0, found.stderr
    import pandas as pd  # noqa: PLC0415

    data = pd.read_csv(project.folder / "iris.csv").iloc[:100]
    target = data.pop("species")
    tree = DecisionTreeClassifier(random_state=0)
    search = GridSearchCV(tree, grid, cv=3, scoring=["f1_macro", "accuracy"], refit=False)
    expected = search.fit(data.to_numpy(), target).cv_results_
    told = {json.dumps(row["params"]): row for row in found.json["candidates"]}
    assert len(told) == 4
    for at, params in enumerate(expected["params"]):
        row = told[json.dumps(params)]
        for name in ("mean_test_f1_macro", "split2_test_accuracy", "rank_test_f1_macro"):
            assert row[name] == pytest.approx(expected[name][at], abs=1e-12)
    assert found.json["version"] is None


def test_nobody_listens(tmp_path: Path) -> None:
    """A search whose progress nobody reads any more ends, instead of waiting for ever."""
    project = service(
        tmp_path / "python",
        "python",
        "grid_search: {param_grid: {min_samples_leaf: [1, 2]}, cv: 2}",
    )
    command = [*RUNNER, "grid-search", "-c", str(project.config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.stderr.close()
        assert process.wait(300) in (0, 1)


@need("r")
def test_another_search_with_data_in_r(tmp_path: Path) -> None:
    """A grid_search that is an object, over data that R loads, with one fit at a time.

    Row "grid-search".
    """
    project = service(
        tmp_path / "r",
        "r",
        "x-search: &search",
        '  "!": sklearn.model_selection.RandomizedSearchCV',
        '  param_distributions: {cp: {"!": scipy.stats.uniform, loc: 0.001, scale: 0.1}}',
        "  n_iter: 2",
        "  cv: 2",
        "  n_jobs: 1",
        "  random_state: 0",
        "grid_search: *search",
    )
    config = project.config.read_text().splitlines()
    config = [line for line in config if not line.startswith("dataset_loader_train")]
    config.append("dataset_loader_train: {language: r, script: model.R, function: data}")
    project.config.write_text("\n".join(config))
    done = project.run("grid-search", "--json", "--persist-best")
    assert done.code == 0, done.stderr
    assert len(done.json["candidates"]) == 2
    assert done.json["version"] == 1
    assert done.json["best"]["score"] > 0.8
    assert "4 of 4 fits done" in done.stderr


def test_with_parallel_backend(tmp_path: Path) -> None:
    """with_parallel_backend: Palladium's form of a search object around {__copy__: model}.

    Row "parallel backend".
    """
    project = service(
        tmp_path / "python",
        "python",
        "grid_search:",
        '  "!": runner.training.parallel.with_parallel_backend',
        "  backend: loky",
        "  n_jobs: 2",
        "  estimator:",
        '    "!": sklearn.model_selection.GridSearchCV',
        "    estimator: {__copy__: model}",
        "    param_grid: {max_depth: [1, 3]}",
        "    cv: 2",
    )
    done = project.run("grid-search", "--json", "--persist-best")
    assert done.code == 0, done.stderr
    assert done.json["best"]["params"] == {"max_depth": 3}
    assert "4 of 4 fits done" in done.stderr
    (model,) = project.run("list", "--json").json["models"]
    assert "max_depth" in json.dumps(model["model"])


@pytest.mark.parametrize(
    ("section", "code", "words"),
    [
        ("", 2, "grid_search: is missing"),
        ("grid_search: {param_grid: {no_such: [1, 2]}, cv: 2}", 1, "no_such"),
        ("grid_search: {param_grid: {max_depth: [1]}, scoring: acuracy}", 1, "acuracy"),
        ("grid_search: {param_grid: {max_depth: [-1]}, error_score: raise}", 1, "'max_depth'"),
        (
            "grid_search: {param_grid: {max_depth: [1]}, parallel: {backend: lokky}}",
            2,
            "lokky",
        ),
        (
            "grid_search: {param_grid: {max_depth: [1]}, scoring: accuracy}\nscoring: accuracy",
            2,
            "grid_search.scoring: stands at the top, too",
        ),
        (
            'grid_search: {"!": sklearn.model_selection.GridSearchCV, param_grid: {max_depth: [1]}'
            ', estimator: {"!": sklearn.tree.DecisionTreeClassifier}}',
            1,
            "its estimator is not the config's model",
        ),
    ],
)
def test_bad_searches(tmp_path: Path, section: str, code: int, words: str) -> None:
    """Each is told in one line with the name of what is wrong, and nothing is stored."""
    project = service(tmp_path / "python", "python", section)
    done = project.run("grid-search", "--persist-best")
    assert done.code == code, done.stderr
    assert words in done.stderr
    assert "runner/training" not in done.stderr, "our own frames are no help to a modeller"
    assert "Wrote" not in done.stdout


def test_a_language_that_does_not_work_is_told_once(tmp_path: Path) -> None:
    """An adapter that cannot start is exit code 5 before any fit, not a table of failures."""
    project = write_project(
        tmp_path / "mine",
        """\
        service_metadata: {service_name: mine}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        model: {language: mine}
        adapter: {command: [/bin/false]}
        grid_search: {param_grid: {a: [1, 2]}}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n",
    )
    done = project.run("grid-search")
    assert done.code == 5, done.stderr
    assert "does not start" in done.stderr


def test_failures_of_other_texts() -> None:
    """A message of several lines is kept whole; a text without failures gives none."""
    text = (
        "\n2 fits failed out of a total of 4.\n" + "-" * 80 + "\n2 fits failed with the following "
        'error:\nTraceback (most recent call last):\n  File "a.py", line 1, in fit\n    f()\n'
        "runner.errors.ModelError: r: the adapter ended\n  with these words\n"
    )
    assert read(text) == ["2 fits failed: r: the adapter ended\n  with these words"]
    assert read("cv must be at least 2") == []
