/** What the help of a command begins with, on one screen: whoever wants the rest asks for it. */
export interface FirstLook {
  /** By headings, what most people need: options, arguments, or the commands of the program. Absent: all there are. */
  most?: Readonly<Record<string, readonly string[]>>;
  /** As they are typed behind the program's name; each can be parsed as it stands. */
  examples: readonly string[];
}

/** Headings in the order of the help, and the options that stand under them in whatever command. */
export const optionGroups: Readonly<Record<string, readonly string[]>> = {
  'Input:': [
    ...['recipe', 'format', 'delimiter', 'header-row', 'sheet', 'items'],
    ...['skip-invalid', 'strict', 'rejected', 'unset'],
  ],
  'Rows:': ['where', 'unique', 'limit', 'sample', 'fill-down', 'fill-down-within', 'only-changed'],
  'Prompt:': ['id', 'model', 'prompt', 'param', 'references', 'keep-html', 'variants'],
  'Money:': [
    ...['max-credits', 'max-credits-per-day', 'trial', 'simulate', 'ask-above', 'no-wait'],
    ...['force', 'fresh', 'yes'],
  ],
  'Time:': ['cron', 'tz', 'overlap', 'missed', 'keep-runs', 'keep-days'],
  'Pace:': [
    ...['rate', 'in-flight', 'submit-rate', 'read-rate', 'concurrency', 'key-life', 'priority'],
    ...['stages'],
  ],
  'Output:': ['out', 'batch', 'name', 'min-size', 'json', 'log-level'],
  'Messages:': ['notify', 'notify-on', 'notify-private'],
  'Ports:': [
    ...['health-port', 'health-host'],
    ...['hooks-port', 'hooks-host', 'hooks-path', 'hooks-signature'],
  ],
  'Redis:': ['prefix'],
};

const prompt = ['id', 'model', 'prompt'];

/** By the words of a command; '' is the program itself. */
export const firstLooks: Readonly<Record<string, FirstLook>> = {
  '': {
    most: {
      'Make:': ['init', 'check', 'run', 'schedule'],
      'See and decide:': ['status', 'review', 'retry'],
      'Look things up:': ['models', 'doctor'],
    },
    examples: ['init products.csv', 'run --trial 5 --simulate', 'status products'],
  },
  init: {
    most: {
      'Input:': ['file', 'sheet'],
      'Prompt:': [...prompt, 'references'],
      'Recipe:': ['recipe', 'out', 'yes'],
    },
    examples: [
      'init products.csv',
      'init orders.xlsx --sheet May --recipe may.yaml',
      "init feed.json --yes --model z-image --prompt 'Photo of {{title}}'",
    ],
  },
  run: {
    most: {
      'Input:': ['file', 'recipe'],
      'Prompt:': [...prompt, 'param'],
      'Money:': ['max-credits', 'trial', 'simulate'],
      'Output:': ['out'],
    },
    examples: [
      "run may.csv --out may --model z-image --prompt 'Photo: {{title}}'",
      'run --recipe products.yaml --out out/spring --max-credits 250',
      'run --trial 5 --simulate',
    ],
  },
  check: {
    most: {
      'Input:': ['file', 'recipe', 'where', 'rejected'],
      'Prompt:': [...prompt, 'param', 'references'],
      'Output:': ['out'],
    },
    examples: [
      "check products.csv --model z-image --prompt 'Photo of {{title}}'",
      'check --recipe products.yaml --rejected faults.csv',
      "check orders.xlsx --sheet May --where 'Status = active'",
    ],
  },
  enqueue: {
    most: {
      'Input:': ['file', 'recipe', 'where'],
      'Prompt:': [...prompt, 'param'],
      'Money and pace:': ['max-credits', 'priority'],
      'Output:': ['out'],
    },
    examples: [
      'enqueue --recipe products.yaml --out out/spring',
      'enqueue urgent.csv --model z-image --priority 50 --out out/urgent',
      'enqueue - --format jsonl --batch feed --max-credits 500',
    ],
  },
  continue: {
    examples: [
      'continue spring',
      'continue spring --max-credits 500',
      'continue spring --rate 5 --yes',
    ],
  },
  worker: {
    most: {
      'Pace:': ['stages', 'rate', 'in-flight'],
      'Output:': ['out', 'log-level'],
      'Ports:': ['health-port', 'hooks-port'],
    },
    examples: [
      'worker',
      'worker --out /srv/pictures --health-port 8080',
      'worker --stages submit,status --rate 5',
    ],
  },
  status: { examples: ['status', 'status spring --failed', 'status spring --json'] },
  pause: { examples: ['pause spring', 'pause spring --json', 'pause nightly@2026-10-01'] },
  resume: { examples: ['resume spring', 'resume spring --json', 'resume nightly@2026-10-01'] },
  cancel: { examples: ['cancel spring', 'cancel spring --yes', 'cancel spring --abandon'] },
  retry: {
    examples: [
      'retry spring --run',
      'retry spring --code nsfw,timeout',
      'retry spring --ids 00123,00124 --yes',
    ],
  },
  manifest: {
    examples: [
      'manifest spring --format csv',
      'manifest out/spring --format json',
      'manifest s3://pictures/spring',
    ],
  },
  sheet: { examples: ['sheet out/spring', 'sheet out/try', 'sheet s3://pictures/spring'] },
  review: {
    most: {
      'Look and decide:': ['folder', 'port', 'take'],
      'Hand over:': ['apply', 'name', 'as', 'deliver', 'yes'],
    },
    examples: [
      'review out/spring',
      'review out/spring --take decisions.jsonl',
      'review out/spring --apply --deliver size=2000x2000',
    ],
  },
  verify: {
    examples: ['verify out/spring', 'verify out/spring --json', 'verify s3://pictures/spring'],
  },
  costs: {
    examples: [
      'costs out/spring',
      'costs spring autumn --by model',
      'costs spring --by campaign --csv',
    ],
  },
  forget: { examples: ['forget spring', 'forget spring autumn', "forget 'nightly@2026-10-*'"] },
  prune: {
    examples: ['prune --dry-run', 'prune --older-than 90d --yes', 'prune out/try --files'],
  },
  schedule: {
    examples: [
      "schedule add nightly shop.csv --cron '0 2 * * *' --out nights",
      'schedule list',
      'schedule run-now nightly',
    ],
  },
  'schedule add': {
    most: {
      'Time:': ['cron', 'tz'],
      'Input:': ['file', 'recipe', 'only-changed'],
      'Prompt:': prompt,
      'Money and output:': ['max-credits', 'out'],
    },
    examples: [
      "schedule add night --recipe shop.yaml --cron '0 2 * * *' --out out",
      "schedule add new a.csv --cron '0 * * * *' --only-changed --out new",
      "schedule add fr a.csv --cron '0 6 * * 1' --tz Europe/Paris --out w",
    ],
  },
  'schedule set': {
    most: {
      'Time:': ['cron', 'tz'],
      'Input:': ['file', 'recipe', 'only-changed', 'unset'],
      'Prompt:': ['model', 'prompt'],
      'Money and output:': ['max-credits', 'out'],
    },
    examples: [
      "schedule set nightly --cron '30 3 * * *'",
      'schedule set nightly --max-credits 500 --keep-runs 14',
      'schedule set nightly --unset limit,where',
    ],
  },
  'schedule list': {
    examples: ['schedule list', 'schedule list nightly', 'schedule list --json'],
  },
  'schedule show': {
    examples: ['schedule show nightly', 'schedule show nightly --json', 'schedule show weekly'],
  },
  'schedule run-now': {
    examples: [
      'schedule run-now nightly',
      'schedule run-now weekly',
      'schedule run-now nightly --prefix shop',
    ],
  },
  'schedule pause': {
    examples: [
      'schedule pause nightly',
      'schedule pause weekly',
      'schedule pause nightly --prefix shop',
    ],
  },
  'schedule resume': {
    examples: [
      'schedule resume nightly',
      'schedule resume weekly',
      'schedule resume nightly --prefix shop',
    ],
  },
  'schedule remove': {
    examples: [
      'schedule remove nightly',
      'schedule remove weekly',
      'schedule remove nightly --prefix shop',
    ],
  },
  monitor: {
    examples: ['monitor', 'monitor --host 0.0.0.0 --port 8080', 'monitor --allow-actions'],
  },
  models: { examples: ['models', 'models z-image', 'models --json'] },
  credits: { examples: ['credits', 'credits --json', 'doctor'] },
  webhooks: {
    examples: ['webhooks list', 'webhooks create https://shop.example.com', 'webhooks test wh_123'],
  },
  'webhooks list': {
    examples: ['webhooks list', 'webhooks list --json', 'webhooks test wh_123'],
  },
  'webhooks create': {
    examples: [
      'webhooks create https://shop.example.com',
      'webhooks create https://shop.example.com/hints night-worker',
      'webhooks create https://shop.example.com --json',
    ],
  },
  'webhooks delete': {
    examples: ['webhooks list', 'webhooks delete wh_123', 'webhooks delete wh_124'],
  },
  'webhooks test': {
    examples: ['webhooks list', 'webhooks test wh_123', 'webhooks test wh_124'],
  },
  doctor: { examples: ['doctor', 'doctor --out out/spring', 'doctor --json'] },
  completion: {
    examples: ['completion bash', 'completion zsh', 'completion fish'],
  },
  simulator: {
    examples: [
      'simulator',
      'simulator --port 4011 --speed 20 --credits 500',
      'simulator --fault task-fails=nsfw:3x',
    ],
  },
};
