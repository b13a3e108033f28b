# Prefect server, deployment, worker and search page of compose.yaml: one image with the locked packages.
FROM python:3.11.14-slim-bookworm

# Pages that MuPDF cannot draw, slides, OCR.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends poppler-utils libreoffice-impress libreoffice-writer tesseract-ocr libgomp1 \
    && rm -rf /var/lib/apt/lists/*

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE prefect.yaml automations.yaml ./
COPY extractors extractors
COPY diptych diptych
COPY flows flows
RUN pip install --no-deps --no-build-isolation .

# Flows run in the working directory, which may hold a diptych.toml. Volumes take the owner of these folders.
RUN useradd --create-home diptych \
    && mkdir -p /srv/diptych /pictures /documents /home/diptych/.prefect \
    && chown -R diptych /srv/diptych /pictures /home/diptych
USER diptych
WORKDIR /srv/diptych
CMD ["diptych", "--help"]
