import { expect, it } from 'vitest';
import { forecastInput } from '../../src/forecast/credits.js';
import { bundledModels } from '../../src/rivya/catalogue.js';
import type { PreparedBrief } from '../../src/shared/brief.js';
import { preparedBrief } from '../support/ledger.js';

const turn = preparedBrief('a', { body: '{"model":"gpt-5-2-chat","message":"Hi"}' });

async function* each(...briefs: PreparedBrief[]) {
  yield* briefs;
}

it('takes the largest price that was seen of a chat for the most of a turn, and a credit for its least', async () => {
  const unknown = await forecastInput(each(turn, turn), bundledModels(), null, new Map());
  expect(unknown).toMatchObject({ briefs: 2, turns: 2, charged: 0, least: 2, most: 18 });
  const seen = new Map([['gpt-5-2-chat', 7]]);
  const known = await forecastInput(each(turn, preparedBrief('b')), bundledModels(), null, seen);
  expect(known).toMatchObject({ briefs: 2, turns: 1, charged: 1, least: 1 + 1, most: 7 + 3 });
});
