// From the simulator's bill and the files on disk to the figures of the table. No client is asked what it did.

export function figuresOf({ bill, briefs, saved, course }) {
  const perBrief = (count) => Number((count / briefs.length).toFixed(2));
  const tasksOf = ({ prompt }) => bill.byPrompt[prompt]?.tasks ?? 0;
  const without = briefs.filter(({ id }) => !saved.has(id));
  return {
    tasksPerBrief: perBrief(bill.total.tasks),
    paidTwice: briefs.filter((brief) => tasksOf(brief) > 1).length,
    withoutResult: without.length,
    paidWithoutResult: without.filter((brief) => tasksOf(brief) > 0).length,
    requestsPerBrief: perBrief(bill.requests.total),
    refusalsPerBrief: perBrief(bill.refusals),
    starts: course.starts,
    seconds: course.seconds,
    // The rest is not in the table.
    killed: course.killed,
    tasks: bill.total.tasks,
    requests: bill.requests.byEndpoint,
    faults: bill.faults,
    replaysOfKeys: bill.replays,
    keysBilledTwice: bill.billedTwice.length,
  };
}

export function tableRow(figures) {
  return {
    'tasks billed/brief': figures.tasksPerBrief,
    'briefs paid twice': figures.paidTwice,
    'without result': figures.withoutResult,
    'of these paid': figures.paidWithoutResult,
    'requests/brief': figures.requestsPerBrief,
    '429s/brief': figures.refusalsPerBrief,
    starts: figures.starts,
    seconds: figures.seconds,
  };
}
