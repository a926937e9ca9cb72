# Two images, both for an unprivileged user. The last one, built by default, brings the Postgres server for the embedded
# database; `docker build --target gateway .` makes one of the binary alone, for a database elsewhere.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /afterhours ./cmd/afterhours

FROM scratch AS gateway
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /afterhours /afterhours
USER 10001:10001
ENV AFTERHOURS_DATA_DIR=/var/lib/afterhours/data \
    AFTERHOURS_SMTP_ADDR=0.0.0.0:2525 \
    AFTERHOURS_HTTP_ADDR=0.0.0.0:8080
VOLUME /var/lib/afterhours
EXPOSE 2525 8080
ENTRYPOINT ["/afterhours"]
CMD ["serve"]

FROM debian:bookworm-slim
RUN mkdir -p /etc/postgresql-common/createcluster.d \
    && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/afterhours.conf \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates postgresql tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/afterhours --create-home afterhours
COPY --from=build /afterhours /usr/local/bin/afterhours
USER afterhours
WORKDIR /var/lib/afterhours
ENV AFTERHOURS_DATA_DIR=/var/lib/afterhours/data \
    AFTERHOURS_SMTP_ADDR=0.0.0.0:2525 \
    AFTERHOURS_HTTP_ADDR=0.0.0.0:8080
VOLUME /var/lib/afterhours
EXPOSE 2525 8080
HEALTHCHECK --interval=30s --timeout=3s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '200 OK' <&3"]
ENTRYPOINT ["afterhours"]
CMD ["serve"]
