# The exact pins on processors. Build once, then let the demo write its report into a folder of yours:
#   docker build --tag mtnlg .
#   docker run --rm --volume "$PWD/reports:/mtnlg/reports" mtnlg
FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
# PyTorch's build without CUDA, of the version that requirements.lock pins.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PIP_NO_CACHE_DIR=1
WORKDIR /mtnlg
COPY Makefile pyproject.toml requirements.lock setup.py README.md LICENSE ./
COPY conf conf
COPY pipelines pipelines
COPY src src
RUN make .venv/ready
ENV PATH=/mtnlg/.venv/bin:$PATH
CMD ["make", "demo"]
