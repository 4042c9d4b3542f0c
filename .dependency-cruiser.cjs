// Who may import whom: arrows point one way, and never in a circle. docs/architecture.md says what each room is for.
const arrows = {
  shared: [],
  store: ['shared'],
  ledger: ['shared'],
  rivya: ['shared'],
  pictures: ['shared'],
  results: ['bucket', 'ledger', 'shared'],
  producer: ['bucket', 'rivya', 'results', 'shared'],
  batch: ['producer', 'results', 'bucket', 'ledger', 'shared'],
  bucket: ['rivya', 'shared'],
  notify: ['rivya', 'ledger', 'shared'],
  worker: ['batch', 'rivya', 'pictures', 'results', 'bucket', 'ledger', 'shared'],
  forecast: ['batch', 'producer', 'rivya', 'results', 'ledger', 'shared'],
  schedule: ['batch', 'producer', 'notify', 'rivya', 'results', 'ledger', 'shared'],
  monitor: [
    'review',
    'web',
    'pictures',
    'schedule',
    'batch',
    'forecast',
    'notify',
    'rivya',
    'results',
    'ledger',
    'shared',
  ],
  web: ['shared'],
  review: ['pictures', 'web', 'producer', 'results', 'ledger', 'shared'],
  simulator: ['rivya', 'shared'],
  session: [
    ...['schedule', 'worker', 'batch', 'producer', 'notify', 'rivya', 'results', 'ledger', 'store'],
    'shared',
  ],
};
/** These know the other room's words, and nothing of how it works. */
const typesOnly = {
  batch: ['producer'],
  forecast: ['batch'],
};
const rooms = [...Object.keys(arrows), 'cli'];
arrows.library = rooms.filter((room) => !['cli', 'simulator'].includes(room));
rooms.push('library');

function rule(name, comment, from, to, more = {}) {
  return {
    name,
    comment,
    severity: 'error',
    from: { path: `^src/${from}/` },
    to: { path: `^src/(${to.join('|')})/`, ...more },
  };
}

module.exports = {
  forbidden: [
    ...Object.entries(arrows).map(([from, allowed]) =>
      rule(
        `${from}-imports`,
        `src/${from} may import: ${allowed.join(', ') || 'none of ours'}`,
        from,
        rooms.filter((room) => room !== from && !allowed.includes(room)),
      ),
    ),
    ...Object.entries(typesOnly).map(([from, to]) =>
      rule(
        `${from}-imports-types-only`,
        `src/${from} may import types of ${to.join(', ')}, and nothing else`,
        from,
        to,
        { dependencyTypesNot: ['type-only'] },
      ),
    ),
    {
      name: 'queues-at-the-edge',
      comment:
        'a stage takes and returns plain values, and the API client knows no queue and no store',
      severity: 'error',
      from: { path: '^src/(rivya|worker/stages|producer|results|forecast)/' },
      to: { path: 'node_modules/(bullmq|ioredis)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-tests-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
