import { resources } from '../../../src/api/resources.ts';
import type { Ref, Resource } from '../../../src/kube/api.ts';
import { makeTransport, type Transport } from '../../../src/kube/http-transport.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { collectionPath, objectPath } from '../../../src/kube/resource-path.ts';
import type { Manifest } from './manifests.ts';

/** Asks as `kubectl apply` does: fields that are not known are errors. Nothing is stored. */
const asked = '?dryRun=All&fieldValidation=Strict';

export class DryRun {
  readonly #transport: Transport;

  private constructor(transport: Transport) {
    this.#transport = transport;
  }

  static async connect(kubeconfig: string): Promise<DryRun> {
    const kubeConfig = await loadKubeConfig({ kubeconfig });
    return new DryRun(makeTransport({ kubeConfig, userAgent: 'test', requestTimeoutMs: 30_000 }));
  }

  /** The object as it would be stored. Rejects with the API server's message. */
  async create(manifest: Manifest): Promise<unknown> {
    const { resource, ref } = addressOf(manifest);
    const path = collectionPath(resource, ref.namespace) + asked;
    return JSON.parse(await this.#transport.call({ method: 'POST', path, body: JSON.stringify(manifest) })) as unknown;
  }

  /** As `create`, for a merge patch of an object that exists. */
  async patch(manifest: Manifest, body: object): Promise<unknown> {
    const { resource, ref } = addressOf(manifest);
    const contentType = 'application/merge-patch+json';
    const path = objectPath(resource, ref) + asked;
    return JSON.parse(
      await this.#transport.call({ method: 'PATCH', path, contentType, body: JSON.stringify(body) }),
    ) as unknown;
  }

  /** Server-side apply of an object of any kind that is not one of ours. */
  async apply(resource: Resource, manifest: Manifest): Promise<unknown> {
    const contentType = 'application/apply-patch+yaml';
    const path = `${objectPath(resource, manifest['metadata'] as Ref)}${asked}&fieldManager=test&force=true`;
    return JSON.parse(
      await this.#transport.call({ method: 'PATCH', path, contentType, body: JSON.stringify(manifest) }),
    ) as unknown;
  }

  close(): void {
    this.#transport.close();
  }
}

const addressOf = (manifest: Manifest): { resource: Resource; ref: Ref } => {
  const resource: Resource | undefined = resources.find(({ kind }) => kind === manifest['kind']);
  if (resource === undefined) throw new Error(`no kind of ours: ${String(manifest['kind'])}`);
  return { resource, ref: manifest['metadata'] as Ref };
};
