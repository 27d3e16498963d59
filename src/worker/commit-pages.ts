import type { SavePage } from '../api/generated/save-page.ts';
import type { Commit } from '../api/generated/shared.ts';
import { labels, pageName } from '../api/names.ts';
import { savePages } from '../api/resources.ts';
import type { JobIdentity } from '../api/worker-order.ts';
import { isApiError, type Api } from '../kube/api.ts';
import type { Clock } from '../kube/clock.ts';
import { createIfAbsent, getIfPresent } from '../kube/writes.ts';
import { WorkerStopped } from './failure.ts';
import { openPatienceMs, withPatience, type Head } from './head.ts';

/** A page closes at whichever comes first. */
const mostEntries = 256;
const mostBytes = 262_144;

export interface CommitPagesDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly head: Head;
  readonly namespace: string;
  readonly record: string;
  readonly job: JobIdentity;
  readonly stream: number;
  readonly epoch: number;
  readonly pod: string;
  /** A retention lock stands. */
  readonly lockPages: boolean;
}

/** The list of commits of one stream. Each commit is one entry of one page, put there by compare-and-swap. */
export class CommitPages {
  readonly #deps: CommitPagesDeps;
  #page: SavePage | undefined;
  #entries = 0;
  #bytes = 0;

  constructor(deps: CommitPagesDeps) {
    this.#deps = deps;
  }

  /** Tells every commit of every epoch of this stream, page by page. */
  async readAll(each: (segment: number, commit: Commit) => void, signal: AbortSignal): Promise<void> {
    const { api, clock, namespace, record, head, pod, epoch } = this.#deps;
    for (let n = 0; n < (head.status.pages ?? 0); n += 1) {
      const read = () => getIfPresent(api, savePages, { namespace, name: pageName(record, n) }, signal);
      const page = await withPatience(clock, openPatienceMs, signal, read);
      const commits = Object.entries(page?.status?.commits ?? {});
      for (const [segment, commit] of commits) each(Number(segment), commit);
      if (page?.spec.pod === pod && page.spec.epoch === epoch && page.status?.closed !== true) this.#take(page);
    }
  }

  /**
   * Resolves when the commit stands in a page; one that stands there already is left alone.
   *
   * @throws WorkerStopped when the head or its page has been sealed
   */
  async append(segment: number, commit: Commit, patienceMs: number, signal: AbortSignal): Promise<void> {
    const { api, clock, namespace } = this.#deps;
    const key = String(segment);
    const size = JSON.stringify(commit).length + key.length;
    await withPatience(clock, patienceMs, signal, async () => {
      for (;;) {
        const page = await this.#roomFor(size, signal);
        if (page.status?.commits?.[key] !== undefined) return;
        const ref = { namespace, name: page.metadata.name };
        const { resourceVersion } = page.metadata;
        const body = { metadata: { resourceVersion }, status: { commits: { [key]: commit } } };
        try {
          this.#take(await api.patch(savePages, ref, body, { type: 'merge', subresource: 'status' }, signal));
          return;
        } catch (error) {
          if (!isApiError(error, 'Conflict')) throw error;
          this.#take(await api.get(savePages, ref, signal));
        }
      }
    });
  }

  /** The page that takes the next commit; opens one where there is none with room. */
  async #roomFor(size: number, signal: AbortSignal): Promise<SavePage> {
    const page = this.#page;
    if (page?.status?.sealed === true) throw new WorkerStopped('Sealed', `page ${page.metadata.name} is sealed`);
    if (page !== undefined && this.#entries < mostEntries && this.#bytes + size <= mostBytes) return page;
    return this.#open(signal);
  }

  /**
   * The page is made before the head names it: whoever seals the head and then the page that it names seals the one
   * that could still be written. A page of another pod under that name is what a crash left; it is passed over.
   */
  async #open(signal: AbortSignal): Promise<SavePage> {
    const { api, head, pod, epoch } = this.#deps;
    for (let n = head.status.pages ?? 0; ; n += 1) {
      head.check();
      const { object } = await createIfAbsent(api, savePages, this.#newPage(n), signal);
      if (object.spec.pod !== pod || object.spec.epoch !== epoch) continue;
      await head.write(() => ({ currentPage: object.metadata.name, pages: n + 1 }), 0, signal);
      this.#take(object);
      return object;
    }
  }

  #newPage(page: number): SavePage {
    const { namespace, record, job, stream, epoch, pod, lockPages } = this.#deps;
    return {
      metadata: {
        name: pageName(record, page),
        namespace,
        labels: {
          [labels.jobUid]: job.uid,
          [labels.record]: record,
          [labels.type]: 'Commits',
          ...(lockPages ? { [labels.locked]: 'true' } : {}),
        },
      },
      spec: { type: 'Commits', record, page, job, stream, epoch, pod },
    };
  }

  #take(page: SavePage): void {
    this.#page = page;
    const commits = Object.values(page.status?.commits ?? {});
    this.#entries = commits.length;
    this.#bytes = JSON.stringify(page.status?.commits ?? {}).length;
  }
}
