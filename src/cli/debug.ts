import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { labels } from '../api/names.ts';
import { group, resources, savePages } from '../api/resources.ts';
import { isApiError, type KubeObject, type Resource } from '../kube/api.ts';
import type { KubeEvent, Pod } from '../kube/core-types.ts';
import { events, pods } from '../kube/resources.ts';
import { CliError } from './cli-error.ts';
import { readList } from './observe.ts';
import { redact } from './redact.ts';
import type { Session } from './session.ts';
import { readVersions } from './version.ts';

/** What is gathered, by name of file; and why something is missing. */
interface Bundle {
  readonly files: Map<string, string>;
  readonly missing: string[];
}

/** @param out  a folder that does not exist, or a file whose name ends with .tar.gz. @throws CliError, ApiError */
export const makeDebugBundle = async (session: Session, { out }: { readonly out: string }): Promise<number> => {
  if (existsSync(out)) throw new CliError('AlreadyThere', `${out} exists: name another by --out`);
  const bundle = await gather(session);
  if (/\.(tar\.gz|tgz)$/.test(out)) await writeArchive(out, bundle);
  else writeFolder(out, bundle);
  const { screen, say } = session;
  for (const line of bundle.missing) say(`not in it: ${line}`);
  screen.print([`${out}: ${String(bundle.files.size)} files, without Secrets; look through it before you pass it on`]);
  return 0;
};

const gather = async (session: Session): Promise<Bundle> => {
  const { api, signal, version } = session;
  const bundle: Bundle = { files: new Map(), missing: [] };
  const versions = { client: version, node: process.version, ...(await readVersions(api, signal)) };
  bundle.files.set('versions.yaml', stringify(versions));
  for (const resource of resources) {
    // Pages are many, and name the files that were backed up.
    if (resource.plural === savePages.plural) continue;
    const objects = await readFor<KubeObject>(session, bundle, resource);
    add(bundle, resource.plural, objects);
  }
  const ours = await readPods(session, bundle);
  add(bundle, 'pods', ours);
  const uids = new Set(ours.map(({ metadata }) => metadata?.uid));
  const all = await readFor(session, bundle, events);
  add(
    bundle,
    'events',
    all.filter((event) => isOurs(event, uids)),
  );
  bundle.files.set('README.txt', readme(session, bundle));
  return bundle;
};

const add = ({ files }: Bundle, name: string, objects: readonly KubeObject[]): void => {
  if (objects.length > 0) files.set(`${name}.yaml`, stringify(redact({ items: objects })));
};

const isOurs = ({ regarding, reportingController }: KubeEvent, uids: ReadonlySet<string | undefined>): boolean =>
  regarding?.apiVersion?.startsWith(`${group}/`) === true ||
  reportingController?.startsWith('twinreel') === true ||
  (regarding?.uid !== undefined && uids.has(regarding.uid));

/** What may not be read is left out, and said. */
const readFor = async <T extends KubeObject>(
  { api, signal }: Session,
  { missing }: Bundle,
  resource: Resource<T>,
): Promise<readonly T[]> => {
  try {
    return await readList(api, resource, undefined, signal);
  } catch (error) {
    if (!isApiError(error, 'Forbidden') && !(error instanceof CliError)) throw error;
    missing.push(error.message);
    return [];
  }
};

const podSelectors = [labels.jobUid, `${labels.worker}=true`, 'app.kubernetes.io/name=twinreel'];

const readPods = async ({ api, signal }: Session, { missing }: Bundle): Promise<readonly Pod[]> => {
  const found = new Map<string, Pod>();
  try {
    for (const labelSelector of podSelectors) {
      const { items } = await api.list(pods, { labelSelector }, signal);
      for (const pod of items) found.set(pod.metadata?.uid ?? '', pod);
    }
  } catch (error) {
    if (!isApiError(error, 'Forbidden')) throw error;
    missing.push(error.message);
  }
  return [...found.values()];
};

const readme = ({ nowMs }: Session, { missing }: Bundle): string =>
  [
    `Twinreel, gathered ${new Date(nowMs()).toISOString()}: objects of its kinds, its pods, their events, versions.`,
    'Left out: Secrets, ConfigMaps, SavePages, logs, values of variables and headers, words of commands, annotations',
    'of others. Names of objects, folders and nodes are in it: look through it before you pass it on.',
    ...missing.map((line) => `Could not be read: ${line}`),
    '',
  ].join('\n');

const writeFolder = (folder: string, { files }: Bundle): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, content] of files) writeFileSync(join(folder, name), content, { mode: 0o600 });
};

const writeArchive = async (path: string, bundle: Bundle): Promise<void> => {
  const work = mkdtempSync(join(tmpdir(), 'twinreel-debug-'));
  const name = basename(path).replace(/\.(tar\.gz|tgz)$/, '');
  try {
    writeFolder(join(work, name), bundle);
    mkdirSync(dirname(path), { recursive: true });
    // Made before, so that nobody else may read it.
    writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
    await promisify(execFile)('tar', ['-czf', path, '-C', work, name]);
  } catch (error) {
    rmSync(path, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError('Refused', `${path} could not be made: ${why}; --out FOLDER needs no tar`, { cause: error });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};
