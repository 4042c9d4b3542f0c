// How much of what the API allows becomes briefs: real workers, real Redis, the simulated API over HTTP, in real
// time. The ideal is two requests a brief: one submission, one look that finds it done.
//   npm run bench:allowance [-- NAME]   plays all scenarios (about 9 minutes), or those whose name contains NAME
import { play } from './allowance/play.mjs';
import { groups } from './allowance/scenarios.mjs';
import { openStand } from './stand.mjs';

const [wanted = ''] = process.argv.slice(2);
const stand = await openStand();
try {
  for (const group of groups) {
    const chosen = Object.entries(group).filter(([name]) => name.includes(wanted));
    if (chosen.length === 0) continue;
    const played = await Promise.all(
      chosen.map(([name, scenario]) =>
        play(name, scenario, { folder: stand.folder, redisUrl: stand.url }),
      ),
    );
    console.table(played.flat());
  }
} finally {
  await stand.close();
}
