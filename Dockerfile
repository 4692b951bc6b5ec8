# One image for migrate, dashboard and worker. Nothing below the temporary directory and
# VECTORSCOPE_HOME is written to, so the root file system may be mounted read-only.
FROM python:3.13-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VECTORSCOPE_HOME=/var/lib/vectorscope

WORKDIR /app

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY alembic.ini .
COPY migrations migrations
COPY db db
COPY dashboard dashboard
COPY pages pages

# A volume mounted at VECTORSCOPE_HOME takes over this owner.
RUN useradd --uid 10001 --create-home vectorscope \
    && install -d -o vectorscope -g vectorscope "$VECTORSCOPE_HOME"
USER 10001

EXPOSE 8501
CMD ["python", "-m", "dashboard"]
