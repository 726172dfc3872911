# Two targets. "session" is the environment that operators work in; "service" is everything else
# and carries it. Build: docker build --target service -t sandgate .
# How to run it so that sessions are sandboxed: deploy/README.md. Never with --privileged.

FROM python:3.11-slim-bookworm AS session
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements/session.lock requirements/session.lock
RUN python -m venv /opt/sandgate/session \
    && /opt/sandgate/session/bin/pip install --require-hashes -r requirements/session.lock
COPY client client
RUN /opt/sandgate/session/bin/pip install --no-deps ./client

FROM python:3.11-slim-bookworm AS service
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements/service.lock requirements/service.lock
RUN python -m venv /opt/sandgate/service \
    && /opt/sandgate/service/bin/pip install --require-hashes -r requirements/service.lock
COPY pyproject.toml README.md LICENSE ./
COPY audit audit
COPY authorization authorization
COPY catalog catalog
COPY disclosure disclosure
COPY foundation foundation
COPY policies policies
COPY revenue revenue
COPY sandbox sandbox
COPY service service
RUN /opt/sandgate/service/bin/pip install --no-deps .
COPY --from=session /opt/sandgate/session /opt/sandgate/session
WORKDIR /var/lib/sandgate
ENV SANDGATE_HOME=/var/lib/sandgate \
    SANDGATE_HOST=0.0.0.0 \
    SANDGATE_SESSION_ENVIRONMENT=/opt/sandgate/session
VOLUME ["/var/lib/sandgate"]
EXPOSE 8600
# The service starts as root so that each session and worker gets a uid of its own; none keeps it.
ENTRYPOINT ["/opt/sandgate/service/bin/sandgate"]
CMD ["serve"]
