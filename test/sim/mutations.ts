/** Known mistakes, put back into the source on purpose: the simulation has to find each of them. */
import { registerHooks } from 'node:module';

interface Mutation {
  /** The end of the file's path. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Met less than once in all the seeds of a test run: a unit test stands in. */
  readonly rare?: boolean;
}

export const mutations = {
  /** A replaced leader's rollback frees what its successor holds. */
  holderWithoutEpoch: {
    file: '/src/controllers/holders.ts',
    from: 'a.uid === b.uid && a.epoch === b.epoch',
    to: 'a.uid === b.uid',
  },
  /** A grant that is made between the two reads looks dead. */
  collectorReadsJobFirst: {
    file: '/src/controllers/orphan-collector.ts',
    from: '{ readJobFirst = false }',
    to: '{ readJobFirst = true }',
  },
  /** Two leaders add to each other's intent; one reserves units that nobody has claimed. */
  intentBesideAnother: {
    file: '/src/controllers/allocation.ts',
    from: "if (grantsIn(owner, 'Allocating').length > 0) return undefined;\n  let epoch",
    to: 'let epoch',
    // The other leader's intent must be a part of one's own, unseen: test/unit/controllers/allocation.test.ts makes it so.
    rare: true,
  },
  /** Copies are counted by stream: on the tape of another one they are no copies. */
  tapeOfAnotherStream: {
    file: '/src/decide/job/backup-job.ts',
    from: 'if (!neverAgain(draft, grant.tape)) return;',
    to: '',
  },
  /** A crash between the status and the head: the worker waits for ever. */
  closeAskedOnce: {
    file: '/src/decide/job/backup-job.ts',
    from: "grant.state === 'Closing' ? askToClose(draft, seen, grant) : relaunch",
    to: 'relaunch',
  },
  /** The same path on two machines is taken for one folder. */
  folderOfEachMachine: {
    file: '/src/decide/allocation/search.ts',
    from: 'other.server.machineId !== one.server.machineId',
    to: 'false',
  },
} as const satisfies Record<string, Mutation>;

export type MutationName = keyof typeof mutations;

export const isMutation = (name: string): name is MutationName => Object.hasOwn(mutations, name);

/** For this thread, before the file is loaded. @throws Error when the source is no longer what is to be mutated */
export const mutate = (name: MutationName): void => {
  const { file, from, to } = mutations[name];
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(file)) return loaded;
      const source = textOf(loaded.source);
      if (!source.includes(from)) throw new Error(`${file} does not say "${from}" any more`);
      return { ...loaded, source: source.replace(from, to) };
    },
  });
};

const textOf = (source: unknown): string => {
  if (typeof source === 'string') return source;
  if (source instanceof Uint8Array) return Buffer.from(source).toString('utf8');
  throw new TypeError('a module without source');
};
