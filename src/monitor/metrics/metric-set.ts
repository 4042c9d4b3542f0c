import { Counter, Gauge, Registry } from 'prom-client';

type Labels = Record<string, string>;

/** The metrics of one scrape: made anew each time, so that a forgotten batch is forgotten here too. */
export class MetricSet {
  private readonly registry = new Registry();
  private readonly gauges = new Map<string, Gauge>();
  private readonly counters = new Map<string, Counter>();

  get contentType(): string {
    return this.registry.contentType;
  }

  gauge(name: string, help: string): (labels: Labels, value: number) => void {
    return (labels, value) => {
      const known = this.gauges.get(name);
      const gauge =
        known ?? new Gauge({ ...this.named(name, help), labelNames: Object.keys(labels) });
      this.gauges.set(name, gauge);
      gauge.set(labels, value);
    };
  }

  /** Counted by the ledger, not here: its value is taken as it is. */
  counter(name: string, help: string): (labels: Labels, value: number) => void {
    return (labels, value) => {
      const known = this.counters.get(name);
      const counter =
        known ?? new Counter({ ...this.named(name, help), labelNames: Object.keys(labels) });
      this.counters.set(name, counter);
      counter.inc(labels, Math.max(0, value));
    };
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  private named(name: string, help: string) {
    return { name: `rivya_batch_${name}`, help, registers: [this.registry] };
  }
}
