/** Plays the workers of a small site that only look, load and unload; those that plan, read and write are the test's. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Inventory } from '../../../src/api/generated/index.ts';
import { labels, operatorNamespace } from '../../../src/api/names.ts';
import { backupServers, mediaPools, savePages, tapeLibraries } from '../../../src/api/resources.ts';
import type { TapeFacts, TerminationMessage } from '../../../src/api/worker-order.ts';
import { isApiError } from '../../../src/kube/api.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { pods } from '../../../src/kube/resources.ts';
import { library, pool, server } from '../../support/hardware-objects.ts';
import type { OperatorSite } from './operator-harness.ts';

interface Order {
  readonly role: TerminationMessage['role'];
  readonly page?: string;
  readonly tape?: TapeFacts & { readonly slot?: number };
}

const barcodes = ['TW0001L9', 'TW0002L9', 'TW0003L9', 'TW0004L9'];

const bare = <T extends { readonly metadata: { readonly name: string } }>({ metadata, ...rest }: T) => ({
  ...rest,
  metadata: { name: metadata.name },
});

export class Stagehand {
  readonly #site: OperatorSite;
  readonly #stopping = new AbortController();
  readonly #done = new Set<string>();
  readonly #playing: Promise<void>;

  private constructor(site: OperatorSite) {
    this.#site = site;
    this.#playing = this.#play();
  }

  /** Two servers on ready nodes, a library with two drives and four blank tapes, one pool. */
  static async open(site: OperatorSite): Promise<Stagehand> {
    const hand = new Stagehand(site);
    const hostPaths = [{ prefix: '/', namespaces: ['*'], readOnly: false }];
    for (const name of ['server-0', 'server-1']) {
      await site.reportNode(name, 'True');
      await site.api.create(backupServers, bare(server(name, undefined, { hostPaths })));
    }
    await site.api.create(mediaPools, bare(pool('default')));
    await site.api.create(tapeLibraries, bare(library()));
    return hand;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#playing;
  }

  /** As a kubelet reports that the container runs. */
  async startPod(name: string): Promise<void> {
    const running = { startedAt: new Date().toISOString() };
    const worker = {
      name: 'worker',
      image: 'twinreel:test',
      imageID: '',
      ready: true,
      restartCount: 0,
      state: { running },
    };
    const status = { phase: 'Running', startTime: running.startedAt, containerStatuses: [worker] };
    const ref = { namespace: operatorNamespace, name };
    await this.#site.api.patch(pods, ref, { status }, { type: 'merge', subresource: 'status' });
  }

  async #play(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        const labelSelector = `${labels.worker}=true`;
        const { items } = await this.#site.api.list(pods, { namespace: operatorNamespace, labelSelector });
        for (const pod of items) await this.#answer(pod);
      } catch (error) {
        // The pod, or what it was to fill, is gone.
        if (!isApiError(error)) throw error;
      }
      await sleep(50);
    }
  }

  async #answer(pod: Pod): Promise<void> {
    const { uid = '', name = '' } = pod.metadata ?? {};
    const text = pod.spec?.containers[0]?.env?.find((one) => one.name === 'TWINREEL_ORDER')?.value ?? '{}';
    const order = JSON.parse(text) as Order;
    const told = { v: 1, role: order.role, outcome: 'succeeded', reason: 'Done', message: 'done' } as const;
    if (this.#done.has(uid)) return;
    if (order.role === 'inventory') {
      const ref = { namespace: operatorNamespace, name: order.page ?? '' };
      const as = { type: 'merge', subresource: 'status' } as const;
      await this.#site.api.patch(savePages, ref, { status: { inventory: inventory() } }, as);
      await this.#site.endPod(name, 0, told);
    } else if (order.role === 'load') {
      const facts = { labelId: 'ab'.repeat(16), groups: 0, usedBytes: 0, capacityBytes: 2 ** 30 };
      await this.#site.endPod(name, 0, { ...told, tape: { barcode: order.tape?.barcode ?? '', ...facts } });
    } else if (order.role === 'unload') {
      await this.#site.endPod(name, 0, { ...told, slot: order.tape?.slot ?? 1024 });
    } else return;
    this.#done.add(uid);
  }
}

const inventory = (): Inventory => ({
  takenAt: new Date().toISOString(),
  complete: true,
  drives: [
    { address: 256, ready: true },
    { address: 257, ready: true },
  ],
  slots: barcodes.map((barcode, at) => ({
    address: 1024 + at,
    barcode,
    full: true,
    capacityBytes: 2 ** 30,
    blank: true,
  })),
});
