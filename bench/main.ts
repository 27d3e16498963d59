/** Side by side with tar, alternating, in one run: `npm run bench -- --help`. */
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  backupCase,
  restoreCase,
  warmUp,
  wholeCase,
  type BackupCase,
  type Case,
  type Place,
  type WholeSystems,
} from './cases.ts';
import { median, measure, type Measured } from './measure.ts';
import { makeBigFile, makeSmallFiles } from './sources.ts';
import { WholeSystem } from './whole-system.ts';

const usage = `npm run bench -- [options]

  --rounds N      rounds, both sides in each (3)
  --big MiB       size of the one large file (4096)
  --files N       small files (100000)
  --slow-files N  files of the source with 2 ms per open (8000); needs strace, which dev/packages.txt names
  --segment MiB   segment size (256)
  --dir DIR       where to work; kept, so that sources are made once (default: a folder of its own, removed)
  --only TEXT     cases whose name contains it
  --out FILE      where the figures go (bench/results/latest.json)
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    big: { type: 'string', default: '4096' },
    files: { type: 'string', default: '100000' },
    'slow-files': { type: 'string', default: '8000' },
    segment: { type: 'string', default: '256' },
    dir: { type: 'string' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'bench/results/latest.json' },
    help: { type: 'boolean', default: false },
  },
});

interface Figures {
  readonly name: string;
  readonly aim: number;
  readonly ours: readonly Measured[];
  readonly theirs: readonly Measured[];
  readonly ratio: number;
}

const mebi = 2 ** 20;
/** Each open takes 2 ms longer, as on a file system at the other end of a network. */
const slowOpen = 'strace -f -qq --seccomp-bpf -e trace=openat -e inject=openat:delay_exit=2000 -o /dev/null ';

const makeCases = async (place: Place, systems: WholeSystems): Promise<readonly Case[]> => {
  const sources = join(place.folder, 'sources');
  const bytes = Number(values.big) * mebi;
  const files = Number(values.files);
  const big: BackupCase = { name: 'backup, one large file', aim: 0.7, source: makeBigFile(sources, bytes), bytes };
  const smallBytes = files * 8192;
  const source = makeSmallFiles(sources, files);
  const small: BackupCase = { name: 'backup, small files', aim: 0.8, source, bytes: smallBytes };
  const restore = { ...small, name: 'restore, small files', aim: 1.2 };
  const slow = await makeSlowCase(sources);
  const found = [
    backupCase(place, big),
    restoreCaseAfter(place, { ...big, name: 'restore, one large file', aim: 1.2 }),
    backupCase(place, small),
    restoreCaseAfter(place, restore),
    ...(slow === undefined ? [] : [backupCase(place, slow)]),
    wholeCase(place, { ...big, name: 'whole system, one large file', aim: 0.8 }, systems),
    wholeCase(place, { ...small, name: 'whole system, small files', aim: 1.3 }, systems),
  ];
  return found.filter(({ name }) => name.includes(values.only));
};

/** What the backup case before it has left behind belongs to it; alone it makes its own. */
const restoreCaseAfter = (place: Place, of: BackupCase): Case => restoreCase(place, of);

const makeSlowCase = async (sources: string): Promise<BackupCase | undefined> => {
  const works = await measure(`${slowOpen} true`).then(
    () => true,
    () => false,
  );
  if (!works) {
    console.log('No strace here that can delay system calls: the source with 2 ms per open is left out.');
    return undefined;
  }
  const files = Number(values['slow-files']);
  const source = makeSmallFiles(sources, files);
  return { name: 'backup, 2 ms per open', aim: 0.5, source, bytes: files * 8192, prefix: slowOpen };
};

/** A local installation whose tape has room for every round of every case. */
const wholeSystems = (folder: string): WholeSystems & { stop(): Promise<void> } => {
  let running: Promise<WholeSystem> | undefined;
  const onceBytes = Number(values.big) * mebi + Number(values.files) * 12_288 + 2 ** 30;
  return {
    started: () => (running ??= WholeSystem.start(folder, onceBytes * (Number(values.rounds) + 1))),
    stop: async () => (await running)?.stop(),
  };
};

const runCase = async (one: Case): Promise<Figures> => {
  const ours: Measured[] = [];
  const theirs: Measured[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    // Whoever is first has the colder machine: they take turns.
    const turns = round % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours'];
    for (const turn of turns) {
      if (turn === 'ours') ours.push(await one.ours());
      else theirs.push(await one.theirs());
    }
    process.stdout.write('.');
  }
  const ratio = median(ours.map(({ seconds }) => seconds)) / median(theirs.map(({ seconds }) => seconds));
  return { name: one.name, aim: one.aim, ours, theirs, ratio };
};

const row = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(30) : cell.padStart(10))).join(' ');

const tell = ({ name, aim, ours, theirs, ratio }: Figures): void => {
  const of = (list: readonly Measured[], pick: (one: Measured) => number): string => median(list.map(pick)).toFixed(2);
  const peaks = ours.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
  console.log(
    `\n${row([
      name,
      of(ours, ({ seconds }) => seconds),
      of(theirs, ({ seconds }) => seconds),
      ratio.toFixed(2),
      `≤ ${aim}`,
      of(ours, ({ cpuSeconds }) => cpuSeconds),
      of(theirs, ({ cpuSeconds }) => cpuSeconds),
      peaks.length === 0 ? '' : (Math.max(...peaks) / mebi).toFixed(0),
    ])}`,
  );
};

const hasRoom = (folder: string, bytes: number): boolean => {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > bytes * 2 && totalmem() > bytes * 4;
  } catch {
    return false;
  }
};

const main = async (): Promise<void> => {
  const folder = values.dir ?? mkdtempSync(join(tmpdir(), 'twinreel-bench-'));
  mkdirSync(folder, { recursive: true });
  const inMemory = hasRoom('/dev/shm', Number(values.big) * mebi);
  const restoreFolder = mkdtempSync(join(inMemory ? '/dev/shm' : folder, 'twinreel-restore-'));
  const place: Place = { folder, restoreFolder, segmentBytes: Number(values.segment) * mebi };
  const systemFolder = mkdtempSync(join(folder, 'system-'));
  const systems = wholeSystems(systemFolder);
  try {
    const cases = await makeCases(place, systems);
    await warmUp(place);
    console.log(row(['seconds', 'ours', 'tar', 'ratio', 'aim', 'our CPU', 'tar CPU', 'peak MiB']));
    const figures: Figures[] = [];
    for (const [at, one] of cases.entries()) {
      const isOfTheOneBefore = cases[at - 1]?.name === one.name.replace(/^restore/, 'backup');
      if (!isOfTheOneBefore) rmSync(join(folder, 'record.json'), { force: true });
      const found = await runCase(one);
      tell(found);
      figures.push(found);
    }
    const machine = { cpus: cpus().length, model: cpus()[0]?.model, memoryBytes: totalmem(), node: process.version };
    const at = new Date().toISOString();
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(values.out, `${JSON.stringify({ at, machine, options: values, figures }, undefined, 2)}\n`);
    console.log(`\nAll figures are in ${values.out}.`);
  } finally {
    await systems.stop();
    rmSync(systemFolder, { recursive: true, force: true });
    rmSync(restoreFolder, { recursive: true, force: true });
    if (values.dir === undefined) rmSync(folder, { recursive: true, force: true });
  }
};

if (values.help) process.stdout.write(usage);
else await main();
