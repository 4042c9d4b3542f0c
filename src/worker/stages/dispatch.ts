import type { QueueStage } from '../../shared/queue-names.js';
import { collectAssets } from './collect.js';
import { collectAnswer } from './collect-answer.js';
import { fixStep } from './fix-step.js';
import { checkStatus } from './status.js';
import { type Seat, type StageContext, type StageJob, type Step, stepFor, takeUp } from './step.js';
import { askAgain, submitBrief } from './submit.js';

/**
 * One job of one queue: takes up its brief, and does what is to be done where that stands. The queue only says when; a
 * job whose brief is elsewhere by now does nothing but hand on.
 */
export async function dispatch(
  context: StageContext,
  queue: QueueStage,
  job: StageJob,
  seat: Seat,
): Promise<Step> {
  const taken = await takeUp(context, job, seat);
  if (taken.kind === 'elsewhere') return taken.step;
  const { brief } = taken;
  const { state } = brief;
  switch (state.stage) {
    case 'waiting': {
      if (queue !== 'submit') break;
      const fixed = await fixStep(context, { ...brief, state });
      return fixed.kind === 'fixed' ? submitBrief(context, fixed.brief) : fixed;
    }
    case 'admitted':
      if (queue === 'submit') return submitBrief(context, { ...brief, state });
      break;
    case 'submitting':
      if (queue === 'submit') return submitBrief(context, { ...brief, state });
      if (queue === 'status') return askAgain(context, { ...brief, state });
      break;
    case 'accepted':
      if (queue === 'status') return checkStatus(context, { ...brief, state });
      break;
    case 'ready':
      if (queue === 'collect') {
        const isChat = brief.content.request.endpoint === 'chat';
        return (isChat ? collectAnswer : collectAssets)(context, { ...brief, state });
      }
      break;
    default:
      return state satisfies never;
  }
  return stepFor(state);
}
