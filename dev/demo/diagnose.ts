/** What helps to understand a demo that failed: objects, conditions, events, ends of logs. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Cluster } from './cluster.ts';
import type { Teller } from './teller.ts';

const conditions = [
  '{range .items[*]}{.kind} {.metadata.name}{"\\n"}',
  '{range .status.conditions[*]}  {.type} {.status} {.reason}: {.message}{"\\n"}{end}{end}',
].join('');
const questions: readonly (readonly string[])[] = [
  ['get', 'backupjobs,restores', '-A', '-o', 'wide'],
  ['get', 'backupjobs,restores', '-A', '-o', `jsonpath=${conditions}`],
  ['get', 'backupservers,tapelibraries,fcswitches,tapes'],
  ['get', 'pods', '-n', 'twinreel-system'],
  ['get', 'events', '-A', '--sort-by=.metadata.creationTimestamp'],
];
const keptColumns = 500;
const keptLines = 60;
const logs = 6;

/** Never fails: what can't be told is left out. */
export async function tellWhatIsKnown(cluster: Cluster, teller: Teller): Promise<void> {
  for (const question of questions) {
    try {
      teller.command(`kubectl ${question.join(' ')}`, lastLines(await cluster.kubectl(question)));
    } catch (error) {
      teller.say(error instanceof Error ? error.message : String(error));
    }
  }
  for (const file of newestLogs(cluster.layout.folder)) teller.command(`tail ${file}`, lastLines(readText(file), 15));
}

/** The operator's, and those that were written to last: workers that ended, agents. */
function newestLogs(folder: string): readonly string[] {
  const agents = path.join(folder, 'agents');
  const folders = [path.join(folder, 'logs'), ...listed(agents).map((agent) => path.join(agent, 'ended'))];
  const files = folders.flatMap(listed).filter((file) => file.endsWith('.log'));
  const operator = path.join(folder, 'logs', 'operator.log');
  const byTime = files
    .filter((file) => !/\/(etcd|kube-[a-z-]+|operator)\.log$/.test(file))
    .toSorted((one, other) => modifiedMs(other) - modifiedMs(one));
  return [operator, ...byTime.slice(0, logs)];
}

function listed(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
}

function modifiedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function lastLines(text: string, lines = keptLines): string {
  const kept = text.trimEnd().split('\n').slice(-lines);
  return kept.map((line) => line.slice(0, keptColumns)).join('\n');
}
