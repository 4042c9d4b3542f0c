/** Of so many tasks, the later ones weigh most. */
const remembered = 100;
/** So long after the last hint came they are taken to have stopped: their way may be cut at any moment. */
const trustedForMs = 30_000;

/** A check that comes so soon after a task's end says nothing of its hint: that may be on its way. */
const hintTakesMs = 3_000;

/** How well the API's hints can be relied on: of the tasks that ended lately, those whose hint came before a check found them. */
export class HintShare {
  private came = 0;
  private missed = 0;
  private cameAtMs = Number.NEGATIVE_INFINITY;

  /**
   * A task was found to be over: as its hint said, or by a check alone.
   * @param lagMs since its end; null where nobody can say
   */
  note(by: 'hint' | 'check', lagMs: number | null, nowMs: number): void {
    if (by === 'check' && lagMs !== null && lagMs < hintTakesMs) return;
    const kept = 1 - 1 / remembered;
    this.came = this.came * kept + (by === 'hint' ? 1 : 0);
    this.missed = this.missed * kept + (by === 'check' ? 1 : 0);
    if (by === 'hint') this.cameAtMs = nowMs;
  }

  /**
   * How many tasks end for each whose hint does not come: a check is for that one alone, so it may cost so many times as
   * much. From 1, where no hints come, to `remembered`: one that never comes is always reckoned with.
   */
  tasksAMiss(nowMs: number): number {
    if (nowMs - this.cameAtMs > trustedForMs) return 1;
    return (this.came + this.missed + 1) / (this.missed + 1);
  }
}
