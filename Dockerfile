# One image for every program: `docker run rollcall api`, `worker`, `beat`, `migrate`, `doctor` ...
FROM python:3.11-slim AS build
RUN python -m venv /opt/rollcall
WORKDIR /source
# The dependencies first, so that this layer is rebuilt only when a lock changes.
COPY requirements.txt requirements-dev.txt ./
RUN /opt/rollcall/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# The build backend is installed by its hash too, in an environment that only this stage has.
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY . .
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp . \
    && /opt/rollcall/bin/pip install --no-deps --no-index /tmp/rollcall-*.whl

FROM python:3.11-slim
# Chinese letters for certificates (1.8 MB): the fonts of the packages have Latin, Greek, Cyrillic and Arabic ones.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-droid-fallback && rm -rf /var/lib/apt/lists/*
ENV ROLLCALL_FONT_FOLDER=/usr/share/fonts-droid-fallback/truetype
COPY --from=build /opt/rollcall /opt/rollcall
ENV PATH=/opt/rollcall/bin:$PATH PYTHONUNBUFFERED=1
# The home directory is the only place where `rollcall up` may write.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/rollcall rollcall
USER 10001
WORKDIR /var/lib/rollcall
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["rollcall"]
CMD ["api", "--host", "0.0.0.0"]
