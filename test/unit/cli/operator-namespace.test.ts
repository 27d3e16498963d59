import { describe, expect, it } from 'vitest';
import { backupSaveRecords } from '../../../src/api/resources.ts';
import { parseKindName } from '../../../src/cli/names.ts';
import { parseWorkName } from '../../../src/cli/observe.ts';
import {
  type Deployment,
  deployments,
  findOperatorNamespace,
  operatorSelector,
} from '../../../src/cli/operator-namespace.ts';
import { type Api, isApiError, type Resource } from '../../../src/kube/api.ts';
import { apiError, makeMemoryApi } from '../kube/memory-api.ts';

const sparseRecords: Resource = backupSaveRecords;
const signal = new AbortController().signal;
const labels = Object.fromEntries(
  operatorSelector.split(',').map((pair): readonly [string, string] => {
    const [key = '', value = ''] = pair.split('=');
    return [key, value];
  }),
);

/** Deployments of operators in these namespaces, records in those. */
const apiOf = (operators: readonly string[], records: readonly string[]) => {
  const api = makeMemoryApi();
  for (const namespace of operators)
    api.seed<Deployment>(deployments, { metadata: { namespace, name: 'twinreel', labels } });
  for (const namespace of records) api.seed(sparseRecords, { metadata: { namespace, name: 'r' } });
  return api;
};

describe("the operator's namespace", () => {
  const rows: readonly { readonly name: string; readonly api: Api; readonly said?: string; readonly found: string }[] =
    [
      { name: 'is the one that was said, whatever is there', api: apiOf(['a'], ['b']), said: 'c', found: 'c' },
      { name: 'is where its Deployment is', api: apiOf(['tape-ops'], ['b']), found: 'tape-ops' },
      { name: 'is where records are, for an operator outside the cluster', api: apiOf([], ['vault']), found: 'vault' },
      { name: 'is the usual one where nothing tells', api: apiOf([], []), found: 'twinreel-system' },
      { name: 'is found although the variable is empty', api: apiOf(['tape-ops'], []), said: '', found: 'tape-ops' },
    ];
  it.each(rows)('$name', async ({ api, said, found }) => {
    expect(await findOperatorNamespace(api, said, signal)).toBe(found);
  });

  it('is asked for where there are two operators', async () => {
    await expect(findOperatorNamespace(apiOf(['b', 'a'], []), undefined, signal)).rejects.toThrow(
      'there are operators in a, b: say which by --operator-namespace or TWINREEL_NAMESPACE',
    );
  });

  it('is found by its records where Deployments may not be listed; another fault is told', async () => {
    const api = apiOf(['a'], ['vault']);
    const guarded: Api = {
      ...api,
      list: async (resource, options) => {
        if (resource.plural === 'deployments') throw apiError('Forbidden');
        return api.list(resource, options);
      },
    };
    expect(await findOperatorNamespace(guarded, undefined, signal)).toBe('vault');
    api.fail('list', { error: apiError('ServerError') });
    await expect(findOperatorNamespace(api, undefined, signal)).rejects.toSatisfy((error) =>
      isApiError(error, 'ServerError'),
    );
  });
});

describe('kinds on the command line', () => {
  it.each(['bj/a', 'job/a', 'BackupJob/a', 'backupjobs.twinreel.io/a'])('%s is a job wherever it is named', (text) => {
    expect(parseWorkName(text)).toEqual({ name: 'a', kinds: ['BackupJob'] });
    expect(parseKindName(text)).toEqual({ kind: 'backupjobs', name: 'a' });
  });

  it.each(['rst/a', 'restore/a'])('%s is a restore wherever it is named', (text) => {
    expect(parseWorkName(text)).toEqual({ name: 'a', kinds: ['Restore'] });
    expect(parseKindName(text)).toEqual({ kind: 'restores', name: 'a' });
  });

  it('a tape is no job', () => {
    expect(() => parseWorkName('tape/a')).toThrow('tape/a names no job');
  });
});
