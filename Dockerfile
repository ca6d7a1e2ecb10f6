# The relay as an image: its store is the volume, everything else is read-only and can be replaced.
# compose.yaml runs it with TLS in front; docs/operating.md says what was tried.
#
#   docker build --tag ojak-relay .
#   docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges \
#     --publish 127.0.0.1:8080:8080 --volume ojak-relay:/var/lib/ojak ojak-relay
#
# Plain HTTP on 8080, for a proxy with TLS or an onion service in front. Settings are OJAK_RELAY_*.
# For a build that can be repeated give the base by digest: --build-arg PYTHON=python@sha256:...
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
COPY requirements/relay.txt /tmp/relay.txt
# Wheels only: nothing is compiled, and nothing is installed whose hash is not in the file.
RUN python -m venv --without-pip /opt/ojak \
 && pip --python /opt/ojak/bin/python install --no-cache-dir --only-binary :all: --require-hashes \
      --requirement /tmp/relay.txt \
 && printf '%s\n' '#!/opt/ojak/bin/python' 'from ojak_relay.__main__ import main' \
      'main(prog_name="ojak-relay")' > /opt/ojak/bin/ojak-relay \
 && chmod 0755 /opt/ojak/bin/ojak-relay \
 && install -d -m 0700 /tmp/lib/ojak
COPY pyproject.toml /tmp/pyproject.toml
# What `--version` reads.
RUN version="$(sed -n 's/^version = "\(.*\)"$/\1/p' /tmp/pyproject.toml)" \
 && install -d "/opt/ojak/lib/ojak/ojak-${version}.dist-info" \
 && printf 'Metadata-Version: 2.1\nName: ojak\nVersion: %s\n' "${version}" \
      > "/opt/ojak/lib/ojak/ojak-${version}.dist-info/METADATA"

FROM ${PYTHON}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ojak-relay" \
      org.opencontainers.image.description="Keeps sealed boxes for a while and forgets them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/ojak /opt/ojak
COPY CHANGELOG.md /opt/ojak/share/doc/ojak/CHANGELOG.md
# Not the client: a relay never runs it.
COPY protocol/ojak_protocol /opt/ojak/lib/ojak/ojak_protocol
COPY relay/ojak_relay /opt/ojak/lib/ojak/ojak_relay
COPY --from=build --chown=65532:65532 /tmp/lib /var/lib
ENV PATH=/opt/ojak/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/ojak/lib/ojak \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OJAK_RELAY_LISTEN=0.0.0.0:8080 \
    OJAK_RELAY_PATH=/var/lib/ojak/relay.store \
    OJAK_RELAY_CONTROL=/var/lib/ojak/relay.control
USER 65532:65532
WORKDIR /var/lib/ojak
VOLUME ["/var/lib/ojak"]
EXPOSE 8080
# The relay then answers all who wait and finishes what is under way, 10 seconds at most.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["ojak-relay", "healthcheck"]
ENTRYPOINT ["ojak-relay"]
CMD ["serve"]
