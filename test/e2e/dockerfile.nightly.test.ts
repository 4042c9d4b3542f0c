import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { fast, mapping, productsCsv, test } from '../support/cli.js';
import { readComposeFile } from '../support/compose-file.js';
import { startProcess } from '../support/running.js';

const root = new URL('../../', import.meta.url).pathname;

interface Stage {
  /** Stands for `/` of its image. */
  folder: string;
  workFolder: string;
}

/**
 * The Dockerfile, step by step, with a folder for each stage: Docker itself is not asked for. What a shell does, a shell
 * does, with the paths of the image led into the stage's folder; images are this machine with its Node.js, and who owns a
 * file is not looked at.
 */
class Build {
  readonly stages = new Map<string, Stage>();
  readonly said = new Map<string, string>();
  private stage: Stage = { folder: '', workFolder: '/' };

  constructor(
    private readonly folder: string,
    private readonly context: string,
  ) {}

  async step(instruction: string, words: string): Promise<void> {
    switch (instruction) {
      case 'FROM': {
        const [, name = `${this.stages.size}`] = /\sAS\s+(\w+)$/.exec(words) ?? [];
        this.stage = { folder: join(this.folder, name), workFolder: '/' };
        await mkdir(this.stage.folder);
        this.stages.set(name, this.stage);
        return;
      }
      case 'WORKDIR':
        this.stage.workFolder = words;
        await mkdir(this.within(words), { recursive: true });
        return;
      case 'COPY':
        return this.copy(words.split(' '));
      case 'RUN':
        return this.run(words);
      default:
        this.said.set(instruction, words);
    }
  }

  get last(): Stage {
    return this.stage;
  }

  /** Where a path of the image is here. */
  within(path: string, stage = this.stage): string {
    return join(stage.folder, path.startsWith('/') ? path : join(stage.workFolder, path));
  }

  private async copy(words: string[]): Promise<void> {
    const from = words[0]?.startsWith('--from=')
      ? words.shift()?.slice('--from='.length)
      : undefined;
    const to = words.pop() ?? '';
    const other = from === undefined ? undefined : this.stages.get(from);
    for (const path of words) {
      const source = other ? this.within(path, other) : join(this.context, path);
      const isWhole = path === '.' || other !== undefined;
      const target = isWhole ? this.within(to) : join(this.within(to), path);
      await cp(source, target, { recursive: true, verbatimSymlinks: true });
    }
  }

  private run(command: string): void {
    // Of paths that begin at the root, an image of ours has these.
    const here = command
      .replace(/chown \S+ /g, 'test -d ')
      .replace(/(?<=\s)\/(?:app|src|out)\b/g, (path) => this.within(path));
    const { status, stdout, stderr } = spawnSync('sh', ['-c', here], {
      cwd: this.within('.'),
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_prefer_offline: 'true' },
    });
    expect(status, `${command}\n${stdout}\n${stderr}`).toBe(0);
  }
}

let folder: string;
let build: Build;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-image-'));
  const context = join(folder, 'context');
  // As .dockerignore leaves it: nothing but what it names.
  const kept = (await readFile(join(root, '.dockerignore'), 'utf8')).split('\n');
  expect(kept).toContain('*');
  for (const line of kept) {
    if (!line.startsWith('!')) continue;
    const path = line.slice(1);
    await mkdir(dirname(join(context, path)), { recursive: true });
    const filter = (source: string) => !/\/node_modules$/.test(source);
    await cp(join(root, path), join(context, path), { recursive: true, filter });
  }
  build = new Build(folder, context);
  const text = (await readFile(join(root, 'Dockerfile'), 'utf8')).replace(/^#.*\n/gm, '');
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, instruction, words] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (instruction && words) await build.step(instruction, words);
  }
}, 1_800_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const entryPoint = () => {
  const [node, main = ''] = JSON.parse(build.said.get('ENTRYPOINT') ?? '[]') as string[];
  expect(node).toBe('node');
  return build.within(main);
};

test('an image holds the files of the package and what it needs, and no more', async () => {
  const app = build.within('/app');
  expect((await readdir(app)).toSorted()).toEqual(
    [
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'NOTICE',
      'README.md',
      'dist',
      'docs',
      'examples',
    ]
      .concat(['node_modules', 'ops', 'package-lock.json', 'package.json'])
      .toSorted(),
  );
  expect(await readdir(join(app, 'node_modules'))).not.toContain('typescript');
  expect(await readdir(join(app, 'node_modules'))).toContain('sharp');
});

test('its entry point makes a batch, and looks at its pictures', async ({ openDesk }) => {
  const desk = await openDesk();
  await writeFile(join(desk.folder, 'in.csv'), productsCsv(2));
  const words = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
  const made = await startProcess([entryPoint(), ...words], {
    input: '',
    folder: desk.folder,
    environment: desk.environment,
  }).finished;
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).not.toContain('not looked at');
  expect((await desk.lines('out')).map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
});

test('docker-compose.yml builds that image, for the user that it names', async () => {
  const { services } = await readComposeFile();
  expect(services.worker).toMatchObject({ build: '.', image: 'rivya-batch' });
  expect(services.worker.user).toContain(build.said.get('USER'));
});
