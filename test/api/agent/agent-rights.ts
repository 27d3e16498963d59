/** The agent's rights as `config/rbac/agent.yaml` gives them, moved into a namespace of the test's own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { serviceAccounts } from '../../../src/agent/core-objects.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';

const shippedNamespace = 'twinreel-system';
const file = join(import.meta.dirname, '../../../config/rbac/agent.yaml');

export const agentAccount = 'twinreel-agent';
/** The only account whose tokens the agent may ask for. */
export const workerAccount = 'twinreel-worker';

interface Binding extends KubeObject {
  readonly roleRef?: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
  readonly rules?: readonly object[];
}

const rbac = (plural: string, kind: string, namespaced: boolean): Resource<Binding> => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

const roles = rbac('roles', 'Role', true);
const roleBindings = rbac('rolebindings', 'RoleBinding', true);

const resources: readonly Resource<Binding>[] = [
  serviceAccounts,
  rbac('clusterroles', 'ClusterRole', false),
  rbac('clusterrolebindings', 'ClusterRoleBinding', false),
  roles,
  roleBindings,
];

interface Made {
  readonly resource: Resource<Binding>;
  readonly object: Binding;
}

/** What lies outside the test's namespace bears its name, so that several tests can run side by side. */
const moved = (object: Binding, namespace: string): Made => {
  const resource = resources.find(({ kind }) => kind === object.kind);
  if (resource === undefined) throw new Error(`${file} has a ${object.kind}`);
  const { name = '', namespace: before } = object.metadata ?? {};
  const isInside = before === shippedNamespace;
  const rename = (old: string): string => (isInside ? old : `${old}-${namespace}`);
  return {
    resource,
    object: {
      ...object,
      metadata: { name: rename(name), ...(before === undefined ? {} : { namespace: isInside ? namespace : before }) },
      ...(object.roleRef === undefined ? {} : { roleRef: { ...object.roleRef, name: rename(object.roleRef.name) } }),
      ...(object.subjects === undefined
        ? {}
        : { subjects: object.subjects.map((subject) => ({ ...subject, namespace })) }),
    },
  };
};

export const agentRights = (namespace: string): readonly Made[] =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document) => moved(document.toJS() as Binding, namespace));

/** Lets an account of the namespace read one kind of object there. */
export const readRight = (namespace: string, account: string, plural: string): readonly Made[] => {
  const metadata = { name: `read-${plural}`, namespace };
  return [
    { resource: roles, object: { metadata, rules: [{ apiGroups: [''], resources: [plural], verbs: ['get'] }] } },
    {
      resource: roleBindings,
      object: {
        metadata,
        subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      },
    },
  ];
};
