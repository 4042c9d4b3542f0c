// Who may import whom: arrows point one way, and never in a circle.
const folders = ['cli', 'producer', 'worker', 'monitor', 'simulator', 'rivya', 'shared'];
const mayImport = {
  shared: [],
  rivya: [],
  producer: ['rivya', 'shared'],
  worker: ['rivya', 'shared'],
  monitor: ['rivya', 'shared'],
  simulator: ['rivya', 'shared'],
};

const arrows = Object.entries(mayImport).map(([from, allowed]) => {
  const forbidden = folders.filter((folder) => folder !== from && !allowed.includes(folder));
  // The API client may know the project's types, but nothing of how it works.
  const typesOnly = from === 'rivya' ? { dependencyTypesNot: ['type-only'] } : {};
  return {
    name: `${from}-imports`,
    comment: `src/${from} may import: ${allowed.join(', ') || 'none of ours'}`,
    severity: 'error',
    from: { path: `^src/${from}/` },
    to: { path: `^src/(${forbidden.join('|')})/`, ...typesOnly },
  };
});

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'rivya-imports-types-of-shared-only',
      comment:
        'of the rest, src/rivya may import types of src/shared, and nothing else of any folder',
      severity: 'error',
      from: { path: '^src/rivya/' },
      to: { path: '^src/(cli|producer|worker|monitor|simulator)/' },
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
      conditionNames: ['import', 'node', 'types'],
    },
  },
};
