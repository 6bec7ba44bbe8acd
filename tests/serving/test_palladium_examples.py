"""Palladium's example services, written as its repository has them, fitted and asked."""

from __future__ import annotations

import pytest

from tests.requirements import need
from tests.serving import palladium
from tests.serving.project import Project
from tests.serving.server import serving

SERVICE = "'service_metadata': {'service_name': 'iris', 'service_version': '0.1'},"
DATABASE = """
    'model_persister': {
        '!': 'palladium.persistence.CachedUpdatePersister',
        'impl': {'!': 'palladium.persistence.Database', 'url': 'sqlite:///%s-model.db'},
    },
"""
IRIS = f"""
    {SERVICE}
    {palladium.LOADERS}
    'model': {{
        '__factory__': 'sklearn.linear_model.LogisticRegression',
        'C': 0.3,
    }},
    'grid_search': {{
        'param_grid': {{'C': [0.1, 0.3, 1.0]}},
        'verbose': 4,
        'n_jobs': -1,
    }},
    'model_persister': {{
        '__factory__': 'palladium.persistence.CachedUpdatePersister',
        'update_cache_rrule': {{'freq': 'HOURLY'}},
        'impl': {{
            '__factory__': 'palladium.persistence.Database',
            'url': 'sqlite:///iris-model.db',
        }},
    }},
    {palladium.MAPPING}
    'alive': {{'process_store_required': ('model',)}},
"""
R_IRIS = f"""
    {SERVICE}
    'dataset_loader_train': {{
        '!': 'palladium.R.DatasetLoader',
        'scriptname': 'iris.R',
        'funcname': 'dataset',
    }},
    'dataset_loader_test': {{
        '!': 'palladium.R.DatasetLoader',
        'scriptname': 'iris.R',
        'funcname': 'dataset',
    }},
    'model': {{
        '!': 'palladium.R.ClassificationModel',
        'scriptname': 'iris.R',
        'funcname': 'train.randomForest',
        'encode_labels': True,
    }},
    {DATABASE % "iris"}
    {palladium.MAPPING}
"""
INSTALLED = """\
packages_needed <- c("randomForest")
packages_missing <-
  packages_needed[!(packages_needed %in% installed.packages()[, "Package"])]
if (length(packages_missing))
  install.packages(packages_missing, repos = "http://cran.uni-muenster.de")
"""
"""What both scripts begin with: nothing is installed where randomForest is."""
IRIS_SCRIPT = f"""\
{INSTALLED}
library(randomForest)

dataset <- function() list(iris[, 1:4], as.factor(iris[, 5]))

train.randomForest <- function(x, y) randomForest(x, as.factor(y))
"""
R_TOOTH = f"""
    'service_metadata': {{'service_name': 'tooth', 'service_version': '0.1'}},
    'dataset_loader_train': {{
        '!': 'palladium.R.DatasetLoader',
        'scriptname': 'tooth.R',
        'funcname': 'dataset',
    }},
    'dataset_loader_test': {{'__copy__': 'dataset_loader_train'}},
    'model': {{
        '!': 'sklearn.pipeline.Pipeline',
        'steps': [
            ['rpy2', {{'!': 'palladium.R.Rpy2Transform'}}],
            ['regressor', {{
                '!': 'palladium.R.RegressionModel',
                'scriptname': 'tooth.R',
                'funcname': 'train.randomForest',
            }}],
        ],
    }},
    {DATABASE % "tooth"}
    'predict_service': {{
        '!': 'palladium.server.PredictService',
        'mapping': [('supp', 'str'), ('dose', 'float')],
    }},
"""
TOOTH_SCRIPT = f"""\
{INSTALLED}
library(randomForest)

dataset <- function() {{
  data(ToothGrowth)
  list(ToothGrowth[, 2:3], ToothGrowth[, 1])
}}

train.randomForest <- function(x, y) randomForest(x, y)
"""
JULIA = f"""
    {palladium.LOADERS.replace("'sep'", "'converters': {'species': SIGN}, 'sep'")}
    'model': {{
        '__factory__': 'palladium.julia.ClassificationModel',
        'fit_func': 'SVM.svm',
        'predict_func': 'SVM.predict',
    }},
    'model_persister': {{
        '__factory__': 'palladium.persistence.Database',
        'url': 'sqlite:///iris-model.db',
    }},
    {palladium.MAPPING}
""".replace("SIGN", "lambda x: 1 if x == 'Iris-setosa' else -1")
SVM = """\
# Stands in for the package of this name: the nearest of two means, which is linear, too.
module SVM

using Statistics

struct Line
    weights::Vector{Float64}
    bias::Float64
end

function svm(X, y)
    means = [vec(mean(X[:, y.==side], dims=2)) for side in (1, -1)]
    weights = means[1] - means[2]
    return Line(weights, -weights' * (means[1] + means[2]) / 2)
end

predict(line::Line, X) = [side > 0 ? 1 : -1 for side in vec(line.weights' * X) .+ line.bias]

end
"""
XGBOOST = f"""
    {palladium.LOADERS}
    'model': {{'__factory__': 'xgboost.XGBClassifier'}},
    'grid_search': {{
        'param_grid': {{'max_depth': [2, 3, 4], 'n_estimators': [3, 30, 300]}},
        'cv': 8,
        'verbose': 4,
        'n_jobs': -1,
    }},
    {palladium.MAPPING}
    {SERVICE}
    'alive': {{'process_store_required': ('model',)}},
"""


def _scored(project: Project, *configs: str, **env: str) -> float:
    """Fit a version and score it; give the score."""
    chosen = ",".join(str(project.folder / name) for name in ("config.py", *configs))
    project.config = project.folder / "config.py"
    for command in ("fit", "test"):
        done = project.run(command, "-c", chosen, "--json", **env)
        assert done.code == 0, done.stderr
    return float(next(iter(done.json["scores"].values())))


def test_iris(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Palladium's iris runs as it is: logistic regression, in its own database, grid search."""
    project = palladium.write(tmp_path_factory.mktemp("iris"), IRIS)
    assert _scored(project) > 0.9
    assert (project.folder / "iris-model.db").is_file()
    done = project.run("grid-search", "--json")
    assert done.code == 0, done.stderr
    assert {each["params"]["C"] for each in done.json["candidates"]} == {0.1, 0.3, 1.0}
    with serving(project) as server:
        status, body = server.get("/predict", **palladium.FLOWER)
        alive, told = server.get("/alive")
    assert (status, body["result"]) == (200, "Iris-setosa")
    assert (alive, told["model"]["metadata"]["version"]) == (200, 1)


@need("r")
def test_r_iris(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Row "R": Palladium's R iris runs as it is: forest and data in R, labels out of it."""
    project = palladium.write(tmp_path_factory.mktemp("iris"), R_IRIS, iris_R=IRIS_SCRIPT)
    assert _scored(project) > 0.95
    with serving(project) as server:
        status, body = server.get("/predict", **palladium.FLOWER)
    assert (status, body["result"]) == (200, "setosa")


@need("r")
def test_r_iris_with_data_from_python(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Palladium's R iris with data from Python, two configs joined by a comma, runs as it is.

    Row "R".
    """
    project = palladium.write(tmp_path_factory.mktemp("iris"), R_IRIS, iris_R=IRIS_SCRIPT)
    (project.folder / "python.py").write_text("{" + palladium.LOADERS + "}\n")
    assert _scored(project, "python.py") > 0.9


@need("r")
def test_r_tooth(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Row "R": Palladium's R tooth runs as it is: a factor and a number in, a length out."""
    project = palladium.write(tmp_path_factory.mktemp("tooth"), R_TOOTH, tooth_R=TOOTH_SCRIPT)
    assert _scored(project) > 0.6
    with serving(project) as server:
        status, body = server.get("/predict", supp="VC", dose=0.5)
    assert status == 200
    assert 5 < body["result"] < 15


@need("julia")
def test_julia(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Palladium's Julia example runs as it is, where Julia finds a module of that name.

    Row "Julia".
    """
    project = palladium.write(tmp_path_factory.mktemp("julia"), JULIA, SVM_jl=SVM)
    assert _scored(project, JULIA_LOAD_PATH=f"{project.folder}:") == 1.0


def test_xgboost(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Palladium's xgboost example is refused by today's xgboost: its labels are texts."""
    project = palladium.write(tmp_path_factory.mktemp("xgboost"), XGBOOST)
    done = project.run("fit")
    assert done.code == 1
    assert "Invalid classes inferred from unique values of `y`" in done.stderr


def test_keras(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Palladium's keras example names modules that are gone: told with file and key."""
    config = f"""
        {palladium.LOADERS}
        'model': {{'__factory__': 'model.make_pipeline', 'epochs': 100}},
        {palladium.MAPPING}
        {SERVICE}
    """
    model = "from keras_of_old.wrappers.scikit_learn import KerasClassifier\n"
    project = palladium.write(tmp_path_factory.mktemp("keras"), config, model_py=model)
    done = project.run("check")
    assert done.code == 2
    assert "model.!: model cannot be imported: ModuleNotFoundError" in done.stderr
    assert "config.py:" in done.stderr


def test_text(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Row "GET predict": with unwrap_sample a text classifier gets texts, in fits and by GET."""
    config = """
        'dataset_loader_train': {
            '!': 'palladium.dataset.CSV', 'path': 'mails.csv', 'target_column': 'kind'},
        'model': {
            '!': 'sklearn.pipeline.Pipeline', 'steps': [
                ('count', {'!': 'sklearn.feature_extraction.text.CountVectorizer'}),
                ('classify', {'!': 'sklearn.naive_bayes.MultinomialNB'}),
            ]},
        'predict_service': {
            '!': 'palladium.server.PredictService',
            'mapping': [('text', 'str')],
            'unwrap_sample': True,
        },
    """
    mails = "text,kind\ncheap pills,spam\nsee you soon,ham\nbuy pills,spam\nlunch soon,ham\n"
    project = palladium.write(tmp_path_factory.mktemp("text"), config, mails_csv=mails)
    project.fit()
    with serving(project) as server:
        status, body = server.get("/predict", text="pills now")
    assert (status, body["result"]) == (200, "spam")


def test_scoring(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Row "test": `scoring` is a dict of scorers, one of them a callable."""
    config = f"""
        {palladium.LOADERS}
        'model': {{'!': 'sklearn.tree.DecisionTreeClassifier'}},
        'scoring': {{'balanced': 'balanced_accuracy', 'rows': lambda model, X, y: len(y)}},
    """
    project = palladium.write(tmp_path_factory.mktemp("scoring"), config)
    assert project.fit("--evaluate") == 1
    done = project.run("test", "--json")
    assert done.code == 0, done.stderr
    assert done.json["scores"]["rows"] == 50
    assert done.json["scores"]["balanced"] > 0.9
