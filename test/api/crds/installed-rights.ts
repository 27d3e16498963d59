/** The rights and policies of `config/rbac` on the tests' API server, and that server as a service account sees it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { makeRestApi, type RestApi } from '../../../src/kube/rest-api.ts';

export type Any = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

export const resource = (group: string, kind: string, namespaced: boolean): Resource<Any> => ({
  group,
  version: 'v1',
  plural: kind === 'ValidatingAdmissionPolicy' ? 'validatingadmissionpolicies' : `${kind.toLowerCase()}s`,
  kind,
  namespaced,
});
export const rbac = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io';
const applied = [
  resource('', 'Namespace', false),
  resource('', 'ServiceAccount', true),
  ...['Role', 'RoleBinding'].map((kind) => resource(rbac, kind, true)),
  ...['ClusterRole', 'ClusterRoleBinding'].map((kind) => resource(rbac, kind, false)),
  ...['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'].map((kind) => resource(admission, kind, false)),
];
const accounts = resource('', 'ServiceAccount', true);

const folder = join(import.meta.dirname, '../../../config/rbac');
const manifestFiles = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const manifests = manifestFiles.flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as Any),
);

export interface InstalledRights {
  readonly admin: RestApi;
  /** The API as a service account sees it, with a token bound to a pod as a kubelet gets it. */
  actAs(
    account: { readonly namespace: string; readonly name: string },
    pod?: { readonly name: string; readonly uid: string },
  ): Promise<RestApi>;
  close(): void;
}

export const installRights = async (): Promise<InstalledRights> => {
  const adminConfig = await loadKubeConfig({ kubeconfig: inject('kubeconfig') });
  const admin = makeRestApi({ kubeConfig: adminConfig });
  const opened = [admin];
  for (const manifest of manifests) {
    const of = applied.find(({ kind }) => kind === manifest.kind);
    if (of === undefined) throw new Error(`config/rbac holds a ${String(manifest.kind)}`);
    const { name = '', namespace: at } = manifest.metadata ?? {};
    const ref = at === undefined ? { name } : { name, namespace: at };
    await admin.patch(of, ref, manifest, { type: 'apply', fieldManager: 'rights-test', force: true });
  }
  const actAs: InstalledRights['actAs'] = async (account, pod) => {
    const boundObjectRef = pod === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod } };
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { ...boundObjectRef } };
    const answer = await admin.createSubresource<{ status: { token: string } }>(accounts, account, 'token', request);
    const { server } = adminConfig;
    const { ca } = (await adminConfig.credentials(false)).tls;
    const headers = { authorization: `Bearer ${answer.status.token}` };
    const credentials = async () => ({ headers, tls: ca === undefined ? {} : { ca } });
    const api = makeRestApi({ kubeConfig: { server, namespace: account.namespace, credentials } });
    opened.push(api);
    return api;
  };
  const close = (): void => {
    for (const api of opened) api.close();
  };
  return { admin, actAs, close };
};

/** Why a call was refused; empty when it was not. */
export const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => '',
    (error: unknown) => String(error),
  );

/** A policy takes a moment until the API server knows it. */
export const untilRefused = async (call: () => Promise<unknown>): Promise<void> => {
  for (const giveUp = performance.now() + 60_000; (await reasonOf(call())) === ''; await sleep(100)) {
    if (performance.now() > giveUp) throw new Error('the policies never came into force');
  }
};
