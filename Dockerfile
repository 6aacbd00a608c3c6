# The worker's image; docker-compose.yml also runs the console, inbound and the operator's commands in it.
# Not built yet: the machine on which it was written has no Docker engine.
FROM python:3.11-slim

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt

COPY . ./
RUN python -m compileall -q . && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin billing
USER 10001

# A worker reports to Temporal every minute. It is healthy if this container's worker did so in the last three.
# The `temporal` command comes with requirements.txt and reads the worker's TEMPORAL_* variables.
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD temporal worker list --limit 1 \
        --query "HostName = '$(hostname)' AND HeartbeatTime > '$(date -u -d '-3 minutes' +%FT%TZ)'" \
        | grep -q Running

CMD ["python", "worker.py"]
