/** A reader who types a page's commands from top to bottom, in one shell, in a checkout of his own. */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../../dev/docs/page-blocks.ts';
import { type PageStep, readSteps, scriptOf } from '../../dev/docs/page-script.ts';
import { showsOutput } from '../../dev/docs/shown-output.ts';
import { root } from './shell.ts';

export interface ReaderOptions {
  /** Empty; for everything that the reader makes. */
  readonly folder: string;
  readonly place: Place;
  /** What stands for the `$NAME`s in the pages' `replace` marks. */
  readonly values: Readonly<Record<string, string>>;
  /** In the environment of the shell, more than a reader has anyway. */
  readonly env?: Readonly<Record<string, string>>;
  /** A folder of programs that he has in his path. */
  readonly tools?: string;
  /** What a shell is started with, such as a way into another network; the shell's own words come after it. */
  readonly within?: readonly string[];
  readonly patienceMs: number;
}

const pageFiles = (): readonly string[] => [
  'README.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

const readPage = (page: string): string => readFileSync(path.join(root, page), 'utf8');

/** Pages that bring up what the others need come first, the one that takes it down last. */
const first: readonly string[] = ['docs/first-backup.md', 'docs/cluster.md'];
const last = 'README.md';

/** The pages with commands for this place, in the order in which a reader can follow them. */
export const pagesFor = (place: Place, values: ReaderOptions['values']): readonly string[] => {
  const order = (page: string): number => (first.includes(page) ? 0 : page === last ? 2 : 1);
  return pageFiles()
    .filter((page) => readSteps(readPage(page), place, values).length > 0)
    .sort((a, b) => order(a) - order(b));
};

export class PageReader {
  readonly #options: ReaderOptions;
  readonly #checkout: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#checkout = path.join(options.folder, 'checkout');
    const bin = path.join(options.folder, 'bin');
    const home = path.join(options.folder, 'home');
    for (const made of [bin, home]) mkdirSync(made, { recursive: true });
    makeCheckout(this.#checkout);
    // What `npm link` does for the whole machine.
    symlinkSync(path.join(root, 'src', 'cli', 'main.ts'), path.join(bin, 'kubectl-twinreel'));
    const searched = options.tools === undefined ? bin : `${bin}:${options.tools}`;
    this.#env = { ...readerEnvironment(home, searched), ...options.env };
  }

  /** @throws Error naming page, line, commands and output of the first step that fails or prints something else */
  async follow(page: string): Promise<void> {
    const steps = readSteps(readPage(page), this.#options.place, this.#options.values);
    const outputs = path.join(this.#options.folder, 'outputs', page.replaceAll('/', '-'));
    mkdirSync(outputs, { recursive: true });
    const script = path.join(outputs, 'script');
    writeFileSync(script, scriptOf(steps, outputs));
    const code = await this.#runScript(script);
    const printed = ({ line }: PageStep): string => {
      const file = path.join(outputs, String(line));
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    };
    const at = readFileSync(path.join(outputs, 'at'), 'utf8').trim();
    const told = (step: PageStep): string => `${page}:${step.line}\n${step.commands}\n--- printed\n${printed(step)}`;
    const failed = steps.find(({ line }) => String(line) === at);
    if (failed !== undefined) throw new Error(`ended with ${String(code)}: ${told(failed)}`);
    for (const step of steps) {
      if (step.shown === undefined || showsOutput(step.shown, printed(step))) continue;
      throw new Error(`the page shows something else: ${told(step)}\n--- shown\n${step.shown.join('\n')}`);
    }
  }

  async #runScript(script: string): Promise<number | null> {
    const [command = '', ...args] = [...(this.#options.within ?? []), 'bash', script];
    const child = spawn(command, args, { cwd: this.#checkout, env: this.#env, stdio: 'ignore', detached: true });
    const timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), this.#options.patienceMs);
    try {
      return await new Promise<number | null>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', resolve);
      });
    } finally {
      clearTimeout(timer);
      await endGroup(child.pid);
    }
  }
}

const endMs = 20_000;

/** What a page has left running in the background, such as an agent, ends with its shell. */
const endGroup = async (pid: number | undefined): Promise<void> => {
  const end = performance.now() + endMs;
  for (let is = signalGroup(pid, 'SIGTERM'); is; is = signalGroup(pid, 0)) {
    if (performance.now() > end) return void signalGroup(pid, 'SIGKILL');
    await sleep(100);
  }
};

/** @returns whether anybody is left in the group */
const signalGroup = (pid: number | undefined, what: NodeJS.Signals | 0): boolean => {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, what);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
};

/** A copy, since what the pages write where they are typed has to stay out of the real one. */
const makeCheckout = (folder: string): void => {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const name of listed.toString().split('\0')) {
    if (name === '' || !existsSync(path.join(root, name))) continue;
    cpSync(path.join(root, name), path.join(folder, name));
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
};

/** A home of its own; of the machine's only the caches. What npm told this process is not for the reader's npm. */
const readerEnvironment = (home: string, searched: string): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD$|KUBECONFIG$|NODE_OPTIONS$|VITEST|NODE_ENV$)/i.test(name),
  );
  const machine = homedir();
  return {
    ...Object.fromEntries(own),
    HOME: home,
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? path.join(machine, '.cache'),
    npm_config_cache: process.env['npm_config_cache'] ?? path.join(machine, '.npm'),
    GOPATH: process.env['GOPATH'] ?? path.join(machine, 'go'),
    PATH: `${searched}:${process.env['PATH'] ?? ''}`,
  };
};
