/** What the API allows, what the workers are told of it, and the spans of the run that are looked at (s). */
const minute = 60_000;
const spans = {
  known: [[60, 120]],
  learned: [
    [60, 120],
    [120, 180],
  ],
};

function known(limit, processes = 1) {
  return { limit: { limit }, told: limit, processes, spans: spans.known };
}

function unknown(limit, processes = 1) {
  return { limit, told: null, processes, spans: spans.learned };
}

/** At 60 s the API allows half of what it did. */
function halved(told) {
  const at = [
    [40, 60],
    [60, 90],
    [90, 150],
  ];
  return { limit: { limit: 20 }, told, processes: 1, halvedAtS: 60, spans: at };
}

const quiet = { retryAfter: 'none' };

/** Those of a group run at once: together they ask for no more than this machine does with ease. */
export const groups = [
  {
    'told 1/s': known(1),
    'told 10/s': known(10),
    'told 30/s, 4 workers': known(30, 4),
    'told 100/s': known(100),
  },
  {
    'learned 1/s': unknown({ limit: 1 }),
    'learned 10/s': unknown({ limit: 10 }),
    'learned 30/s, 4 workers': unknown({ limit: 30 }, 4),
    'learned 100/s': unknown({ limit: 100 }),
  },
  {
    'told 20/s, halved at 60 s': halved(20),
    'learned 20/s, halved at 60 s': halved(null),
    'learned 600/min, Retry-After': unknown({ limit: 600, windowMs: minute }),
    'learned 600/min, says nothing': unknown({ limit: 600, windowMs: minute, ...quiet }),
    'learned 10/s bucket, says nothing': unknown({ limit: 10, window: 'bucket', ...quiet }),
  },
];
