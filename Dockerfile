# The runner with Python, R and Julia in one image.
#
#   docker build -t polyglot-runner .                            # today's Julia, from its official image
#   docker build -t polyglot-runner --build-arg JULIA=debian .   # Debian's Julia 1.5.3, from Debian alone
#   podman build --format docker -t polyglot-runner .            # its own format knows no health check
#   docker run -v "$PWD/models:/data" -p 5000:5000 polyglot-runner serve --host 0.0.0.0
#
# The server binds 127.0.0.1 unless told otherwise, inside a container too: --host 0.0.0.0 is said by
# whoever runs it, and the config must say who may ask: `auth: {issuer: …}`, or `auth: none` where a
# proxy sees to it. Everything that is written goes to /data (configs, store, log) and /tmp (sockets), so
# this works as well: docker run --read-only --tmpfs /tmp -v …:/data …
ARG JULIA=official

# --- Julia: both stages leave it in /usr/local/julia ---
FROM docker.io/library/julia:1 AS julia-official

FROM docker.io/library/debian:bookworm-slim AS julia-debian
COPY scripts/debian-julia /build/debian-julia
RUN /build/debian-julia /usr/local/julia

# hadolint ignore=DL3006
FROM julia-${JULIA} AS julia

# --- Python packages, compiled against this image's R ---
FROM docker.io/library/debian:bookworm-slim AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libtirpc-dev python3-dev python3-venv r-base-core r-base-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY scripts/lib.sh scripts/
# Not by SHELL, which an image in OCI's format has none of: buildah and podman would go on with sh.
RUN ["/bin/bash", "-euo", "pipefail", "-c", "\
    python3 -m venv /opt/runner; \
    . scripts/lib.sh; \
    read -ra rpy2 <<<\"$(rpy2_requirements \"$(r_version)\")\"; \
    /opt/runner/bin/pip install --no-cache-dir \"${rpy2[@]}\""]
# Dependencies change seldom and code often: a layer of its own for each. The version is in __init__.py.
COPY setup.py pyproject.toml ./
COPY runner/__init__.py runner/
RUN /opt/runner/bin/pip install --no-cache-dir '.[julia,postgresql]'
COPY contracts contracts
COPY adapters adapters
COPY runner runner
RUN /opt/runner/bin/pip install --no-cache-dir --no-deps --force-reinstall .

# --- what runs ---
FROM docker.io/library/debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libtirpc3 python3 r-base-core r-recommended \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 runner \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin runner \
    && install -d -o runner -g runner /data \
    && ln -s /usr/local/julia/bin/julia /usr/local/bin/julia
COPY --from=julia /usr/local/julia /usr/local/julia
COPY --from=build /opt/runner /opt/runner
ENV PATH=/opt/runner/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/health/ready', timeout=4)"]
ENTRYPOINT ["runner"]
CMD ["--help"]
