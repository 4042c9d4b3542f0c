# The worker as a container: the command line is the entry point.
#   docker build -t rivya-batch .
#   docker run --rm rivya-batch --help
FROM node:22-alpine AS build
WORKDIR /app
# Only these two decide what is installed: the layer is reused while they stay the same.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:22-alpine
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# A named volume mounted here starts out writable for the user below; there is no redis-server inside,
# so REDIS_URL must be given.
RUN mkdir /out && chown node:node /out
USER node
# The exec form: SIGTERM reaches node itself, which drains and ends within 15 s.
ENTRYPOINT ["node", "/app/dist/bin/rivya-batch.js"]
CMD ["--help"]
