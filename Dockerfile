# syntax=docker/dockerfile:1
# A static program in an otherwise empty image; runs as nobody, keeps its data in /data.

FROM node:20-bookworm-slim AS web
WORKDIR /src
COPY web/console/package.json web/console/package-lock.json web/console/
COPY web/miniapp/package.json web/miniapp/package-lock.json web/miniapp/
COPY scripts/web.sh scripts/
RUN --mount=type=cache,target=/root/.npm ./scripts/web.sh deps console && ./scripts/web.sh deps miniapp
COPY web web
RUN ./scripts/web.sh build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
ARG VERSION=docker
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -tags nomsgpack -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/jishan ./cmd/jishan \
    && mkdir -p /out/data

FROM scratch
# Certificates, for the calls to WeChat.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/jishan /jishan
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV JISHAN_DATA_DIR=/data JISHAN_HTTP_ADDR=0.0.0.0:8080
EXPOSE 8080
VOLUME /data
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=3 CMD ["/jishan", "doctor", "--health", "http://127.0.0.1:8080"]
ENTRYPOINT ["/jishan"]
CMD ["serve"]
