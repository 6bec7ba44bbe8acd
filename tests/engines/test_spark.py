"""Spark: a million rows through `runner stream` by SQL, as docs/streaming.md has it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from sklearn.tree import DecisionTreeClassifier

from benchmarks.iris import FEATURES
from tests.serving.project import Project, run
from tests.serving.test_examples import EXAMPLES

PARTITIONS = 4
CONFIG = "/srv/iris/runner.yaml"  # what the page calls it
PAGE = (Path(__file__).parents[2] / "docs" / "streaming.md").read_text()
ONE_A_LINE, MANY_A_LINE, HIVE = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)

# Values from 0.1 to 9.9 in every combination that matters to the tree.
FLOWERS = f"""
    SELECT id, CAST(1 + id % 71 AS DOUBLE) / 10 AS sepal_length, CAST(1 + id % 43 AS DOUBLE) / 10 AS sepal_width,
           CAST(1 + id % 67 AS DOUBLE) / 10 AS petal_length, CAST(1 + id % 29 AS DOUBLE) / 10 AS petal_width
    FROM range(0, {{}}, 1, {PARTITIONS})
"""  # noqa: E501
NAMES = [name.replace(" ", "_") for name in FEATURES]

pytestmark = pytest.mark.timeout(900)  # a minute in all on a quiet machine


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The scikit-learn example, fitted."""
    folder = tmp_path_factory.mktemp("spark") / "iris"
    shutil.copytree(EXAMPLES / "iris-sklearn", folder, ignore=shutil.ignore_patterns("*.db*"))
    project = Project(folder)
    project.fit()
    return project


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Spark in local mode, two threads, without Hive."""
    scratch = tmp_path_factory.mktemp("scratch")
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.shuffle.partitions": str(PARTITIONS),
        "spark.sql.adaptive.enabled": "false",  # would make one partition of these few
        "spark.ui.enabled": "false",
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)  # where the JVM, and so TRANSFORM, finds `runner`
        builder = SparkSession.builder.master("local[2]").config(map=settings)
        session = builder.getOrCreate()
        session.sql(FLOWERS.format(1_000_000)).createOrReplaceTempView("flowers")
        try:
            yield session
        finally:
            session.stop()


def _pandas(found: DataFrame) -> pd.DataFrame:
    """Collect it by Arrow; PySpark's own toPandas() has doubts about pandas 3."""
    table: pd.DataFrame = found.toArrow().to_pandas()
    return table


def _answers(spark: SparkSession, query: str, iris: Project, flowers: str) -> pd.DataFrame:
    """Run a query of the page over other flowers; give each with its prediction, in order."""
    asked = _there(query, iris).replace("FROM flowers", f"FROM {flowers}")
    spark.sql(asked).createOrReplaceTempView("answered")
    joined = spark.sql(f"SELECT * FROM {flowers} FULL JOIN answered USING (id)")
    return _pandas(joined).sort_values("id", ignore_index=True)


def _there(query: str, iris: Project) -> str:
    assert CONFIG in query
    return query.replace(CONFIG, str(iris.config))


def _own_predictions(found: pd.DataFrame) -> list[str]:
    """Fit the example's tree here, to the rows that its config names, and ask it."""
    data = pd.read_csv(EXAMPLES / "iris-sklearn" / "iris.csv")[:100]
    tree = DecisionTreeClassifier(min_samples_leaf=1, random_state=0)
    tree.fit(data[list(FEATURES)].to_numpy(), data["species"].to_numpy(dtype=str))
    return list(tree.predict(found[NAMES].to_numpy()))


def _records(iris: Project) -> list[dict[str, Any]]:
    log = iris.config.parent / "runner-audit.jsonl"
    lines = map(json.loads, log.read_text().splitlines()) if log.exists() else ()
    return [each for each in lines if each.get("event.action") == "predict"]


def _check(spark: SparkSession, iris: Project, query: str, flowers: str, rows: int) -> None:
    """See that every row has, under its id, the prediction that the model itself gives."""
    before = len(_records(iris))

    found = _answers(spark, query, iris, flowers)

    assert list(found["id"]) == list(range(rows))
    expected = _own_predictions(found)
    assert len(set(expected)) > 1
    assert list(found["species"]) == expected
    records = _records(iris)[before:]
    assert sum(each["runner.rows"] for each in records) == rows
    assert len({each["process.pid"] for each in records}) == PARTITIONS


def test_a_million_rows(spark: SparkSession, iris: Project) -> None:
    """A million rows, a thousand on a line, by a stream for each of several partitions.

    Row "stream".
    """
    _check(spark, iris, MANY_A_LINE, "flowers", 1_000_000)


def test_a_row_a_line(spark: SparkSession, iris: Project) -> None:
    """A hundred thousand lines of a row each."""
    spark.sql(FLOWERS.format(100_000)).createOrReplaceTempView("fewer")
    _check(spark, iris, ONE_A_LINE, "fewer", 100_000)


def test_records_of_all_streams_hold_together(iris: Project) -> None:
    """Streams that ran side by side wrote one log, in which nothing is broken."""
    assert _records(iris)
    done = run("audit", "verify", "-c", str(iris.config), cwd=iris.config.parent)
    assert done.code == 0, done.stderr


def test_rows_that_cannot_be_answered(spark: SparkSession, iris: Project) -> None:
    """A missing value costs its own line its predictions, and no other."""
    spark.sql("""
        SELECT id, nullif(sepal_length, 4.2) AS sepal_length, sepal_width, petal_length, petal_width
        FROM range(0, 2000, 1, 2) JOIN flowers USING (id)
    """).createOrReplaceTempView("some")

    found = _answers(spark, ONE_A_LINE, iris, "some")

    assert list(found["id"]) == list(range(2000))
    missing = found["sepal_length"].isna()
    assert missing.sum() > 10
    assert list(found["species"].isna()) == list(missing)
    assert list(found["species"][~missing]) == _own_predictions(found[~missing])


def test_the_statement_for_hive(spark: SparkSession, iris: Project) -> None:
    """Spark takes the page's statement for Hive, with what its file says as the command."""
    added, statement = HIVE.strip().removesuffix(";").split("\n", 1)
    command = _there(added.split("-- exec ")[1], iris)
    script = iris.config.parent / "runner-stream.sh"
    script.write_text(f"#!/bin/sh\nexec {command}\n")
    script.chmod(0o755)
    spark.sql("""
        SELECT id, to_json(array(named_struct(
            'sepal length', sepal_length, 'sepal width', sepal_width,
            'petal length', petal_length, 'petal width', petal_width
        ))) AS line
        FROM flowers WHERE id < 100
    """).createOrReplaceTempView("lines_of_json")

    found = _pandas(spark.sql(statement.replace("runner-stream.sh", str(script))))

    answers = dict(zip(found["id"].astype(int), found["predictions"], strict=True))
    asked = _pandas(spark.sql("SELECT * FROM flowers WHERE id < 100 ORDER BY id"))
    expected = _own_predictions(asked)
    assert [json.loads(answers[id_]) for id_ in range(100)] == [[label] for label in expected]
