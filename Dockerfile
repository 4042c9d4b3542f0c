# The worker as a container: the command line is the entry point. It holds the files of the package as it is published,
# and the versions of other packages that package-lock.json names.
#   docker build -t rivya-batch .
#   docker run --rm rivya-batch --help
FROM node:22-alpine AS pack
WORKDIR /src
# Only these two decide what is installed: the layer is reused while they stay the same.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# Packing builds first. What is in the package, and nothing else, goes on.
RUN mkdir /app && npm pack --pack-destination /app
WORKDIR /app
RUN tar -xzf rivya-batch-*.tgz --strip-components=1 && rm rivya-batch-*.tgz
COPY package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:22-alpine
ENV NODE_ENV=production
WORKDIR /app
COPY --from=pack /app ./
# A named volume mounted here starts out writable for the user below; there is no redis-server inside,
# so REDIS_URL must be given.
RUN mkdir /out && chown node:node /out
USER node
# The exec form: SIGTERM reaches node itself, which drains and ends within 15 s.
ENTRYPOINT ["node", "/app/dist/bin/rivya-batch.js"]
CMD ["--help"]
