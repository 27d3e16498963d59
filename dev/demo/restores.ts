/** Restores: the whole backup, each copy alone, one file; each compared with the source. */
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { Restore } from '../../src/api/generated/index.ts';
import { count } from '../../src/cli/amounts.ts';
import { routeOf } from '../../src/cli/story.ts';
import { formatBytes } from '../../src/decide/units.ts';
import { type Backup, jobName } from './backup.ts';
import { remove } from './cleanup.ts';
import { requireSame } from './compare.ts';
import { DemoError } from './demo-error.ts';
import { followRestore, namespace, requireSucceeded } from './observe.ts';
import { Progress, type ProgressRow } from './progress.ts';
import type { Stage } from './stage.ts';

interface Wish {
  readonly name: string;
  readonly title: string;
  readonly spec: { readonly paths?: readonly string[]; readonly preferStreams?: readonly number[] };
}

const owners = process.getuid?.() === 0;

/** @throws DemoError */
export async function restoreEverything(stage: Stage, backup: Backup): Promise<void> {
  await restoreAndCompare(stage, backup, [{ name: 'everything', title: 'the whole backup', spec: {} }]);
}

/** Both at the same time: they lie on different tapes in different libraries. @throws DemoError */
export async function restoreEachCopy(stage: Stage, backup: Backup): Promise<void> {
  const wishes = [0, 1].map((stream) => ({
    name: `copy-${String(stream)}`,
    title: `copy ${String(stream)} alone`,
    spec: { preferStreams: [stream] },
  }));
  const restored = await restoreAndCompare(stage, backup, wishes);
  for (const [stream, { status = {} }] of restored.entries()) {
    const foreign = (status.areas ?? []).filter((area) => area.stream !== stream);
    if (foreign.length > 0) throw new DemoError(`the restore of copy ${String(stream)} read another copy, too`);
  }
}

/** @throws DemoError */
export async function restoreOneFile(stage: Stage, backup: Backup): Promise<void> {
  const { teller, source, measured } = stage;
  const { single } = measured;
  if (single === undefined) {
    teller.say('no single file is restored: the source has none with a plain name, one link and some content');
    return;
  }
  const wish = { name: 'one-file', title: single, spec: { paths: [single] } };
  const target = await applyRestore(stage, wish);
  const restore = await finishRestore(stage, wish);
  const parent = path.dirname(single);
  // Its folder, but for all other names in it.
  const ignore = readdirSync(path.join(source, parent), { encoding: 'latin1' }).filter(
    (name) => name !== path.basename(single),
  );
  const order = {
    left: path.join(source, parent),
    right: path.join(target, parent),
    options: { owners, ignore, rootAttributes: false },
  };
  await requireSame(stage, 'one file', order, backup.appliedAt);
  const all = (backup.job.status?.plan?.linksSegment ?? 0) + 1;
  const { segmentsRead = 0 } = restore.status ?? {};
  if (segmentsRead > 3) throw new DemoError(`${count(segmentsRead, 'segment')} were read for one file`);
  teller.good(`${single}: ${String(segmentsRead)} of ${count(all, 'segment')} read`);
  remove(target);
}

async function restoreAndCompare(stage: Stage, backup: Backup, wishes: readonly Wish[]): Promise<readonly Restore[]> {
  const progress = new Progress(stage.teller);
  const rows = new Map<string, ProgressRow>();
  const show = (row: ProgressRow): void => {
    rows.set(row.name, row);
    progress.show([...rows.values()]);
  };
  const applied: { readonly wish: Wish; readonly target: string }[] = [];
  for (const wish of wishes) applied.push({ wish, target: await applyRestore(stage, wish) });
  const done = await Promise.all(wishes.map((wish) => finishRestore(stage, wish, show))).finally(() => progress.end());
  for (const { wish, target } of applied) {
    const order = { left: stage.source, right: target, options: { owners, limit: 1000 } };
    await requireSame(stage, wish.title, order, backup.appliedAt);
    remove(target);
  }
  return done;
}

/** @returns the folder into which it restores */
async function applyRestore({ folder, cluster, teller }: Stage, { name, spec }: Wish): Promise<string> {
  const target = folder.at(`restored-${name}`);
  const manifest = {
    apiVersion: 'twinreel.io/v1alpha1',
    kind: 'Restore',
    metadata: { name, namespace },
    spec: { from: { backupJob: jobName }, target: { hostPath: { path: target } }, ...spec },
  };
  const file = folder.at(`${name}.yaml`);
  writeFileSync(file, stringify(manifest));
  teller.say(`Restore ${name}: ${oneLine(manifest.spec)}`);
  await cluster.kubectl(['apply', '-f', file], { shown: true });
  return target;
}

async function finishRestore(
  stage: Stage,
  { name, title }: Wish,
  show: (row: ProgressRow) => void = () => undefined,
): Promise<Restore> {
  const restore = await followRestore(stage, name, (seen) => show(rowOf(stage, name, seen)));
  requireSucceeded(`Restore ${name}`, restore);
  const {
    startTime = '',
    completionTime = '',
    bytesRestored = 0,
    filesRestored = 0,
    areas = [],
  } = restore.status ?? {};
  const tapes = areas.map(({ barcode }) => barcode).join(', ');
  stage.times.add(
    `restore: ${title}`,
    Date.parse(completionTime) - Date.parse(startTime),
    `${count(filesRestored, 'file')}, ${formatBytes(bytesRestored)} from ${tapes}`,
  );
  return restore;
}

/** As a flow mapping. Pure. */
function oneLine(spec: object): string {
  return stringify(spec, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function rowOf({ measured }: Stage, name: string, { status = {} }: Restore): ProgressRow {
  const { progress = {}, streams = [], phase } = status;
  const totalBytes = progress.bytesTotal ?? measured.dataBytes;
  const ended = phase === 'Releasing' || phase === 'Succeeded';
  const [grant] = streams;
  return {
    name,
    doneBytes: ended ? totalBytes : Math.min(progress.bytesDone ?? 0, totalBytes),
    totalBytes,
    detail: `${grant === undefined ? '' : routeOf(grant)}  ${phase ?? ''}`,
  };
}
