import type { Pod } from './core-objects.ts';

export interface NodeAddress {
  readonly hostIP: string;
}

const keyed = /^metadata\.(annotations|labels)\['([^']+)'\]$/;

/** The value of a downward API field; undefined when the field is not one that this node knows. */
export const readField = (pod: Pod, node: NodeAddress, fieldPath: string): string | undefined => {
  const [, map, key] = keyed.exec(fieldPath) ?? [];
  if (key !== undefined) {
    return (map === 'labels' ? pod.metadata?.labels : pod.metadata?.annotations)?.[key] ?? '';
  }
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata?.name;
    case 'metadata.namespace':
      return pod.metadata?.namespace;
    case 'metadata.uid':
      return pod.metadata?.uid;
    case 'spec.nodeName':
      return pod.spec?.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? 'default';
    case 'status.hostIP':
    case 'status.podIP':
      return node.hostIP;
    default:
      return undefined;
  }
};
