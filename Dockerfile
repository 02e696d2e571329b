# syntax=docker/dockerfile:1
# The image holds Node, the libraries that it names, and the bundle with one package of native code: no shell, no package manager.
# docker build -t portreeve/portreeve:0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
ARG NODE_IMAGE=node:26-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# The base image has Node; of the optional dependencies only the bundler's own binary is needed.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY LICENSE rolldown.config.ts ./
COPY scripts scripts
COPY src src
RUN node scripts/image-tree.ts /image

# Node at the path that the chart's tests expect, and what the loader needs for it and for native modules, at the paths that `ldd` gives.
RUN set -eu; \
    node="$(readlink -f "$(command -v node)")"; \
    install -D -m 755 "$node" /image/usr/local/bin/node; \
    ldd "$node" $(find /image/app -name '*.node') | sed -nE 's|.*[[:space:]](/[^[:space:]]+) \(0x[0-9a-f]+\)$|\1|p' | while read -r library; do \
      install -D -m 755 "$(readlink -f "$library")" "/image$library"; \
    done; \
    install -d -m 1777 /image/tmp; \
    install -d -m 755 /image/etc; \
    printf 'root:x:0:0:root:/:/sbin/nologin\nportreeve:x:65532:65532:portreeve:/tmp:/sbin/nologin\n' > /image/etc/passwd; \
    printf 'root:x:0:\nportreeve:x:65532:\n' > /image/etc/group

FROM scratch
ARG REVISION=unknown
COPY --from=build /image /
ENV NODE_ENV=production PATH=/usr/local/bin PORTREEVE_REVISION=${REVISION}
USER 65532:65532
EXPOSE 8080 9901
LABEL org.opencontainers.image.title=Portreeve \
      org.opencontainers.image.description="Kubernetes ingress controller and API gateway" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.revision=${REVISION}
ENTRYPOINT ["/usr/local/bin/node", "/app/main.js"]
CMD ["controller"]
