/**
 * There is no mount namespace: a process sees the host's own paths. Whatever names a path inside a mount is therefore
 * rewritten to the place where the volume really lies.
 */
import { join, posix } from 'node:path';

export interface Mount {
  /** As the pod names it. */
  readonly mountPath: string;
  /** Where it lies on this machine. */
  readonly hostPath: string;
}

const beneath = (mountPath: string, path: string): string | undefined => {
  const base = posix.normalize(mountPath).replace(/\/+$/, '');
  if (path === base || path === `${base}/`) return '';
  return path.startsWith(`${base}/`) ? path.slice(base.length) : undefined;
};

/** The host's path for a path of the pod, or the value as it was when it lies beneath no mount. Deepest mount wins. */
export const rewriteValue = (mounts: readonly Mount[], value: string): string => {
  if (!value.startsWith('/')) return value;
  const path = posix.normalize(value);
  let best: { readonly mount: Mount; readonly rest: string } | undefined;
  for (const mount of mounts) {
    const rest = beneath(mount.mountPath, path);
    if (rest !== undefined && (best === undefined || mount.mountPath.length > best.mount.mountPath.length)) {
      best = { mount, rest };
    }
  }
  if (best === undefined) return value;
  return best.rest === '' ? best.mount.hostPath : join(best.mount.hostPath, best.rest);
};

/** As `rewriteValue`; an argument such as `--library=/mnt/l` is looked at behind its equals sign. */
export const rewriteArgument = (mounts: readonly Mount[], argument: string): string => {
  const option = /^(--?[A-Za-z][\w.-]*=)(\/.*)$/s.exec(argument);
  const [, name, value] = option ?? [];
  if (name === undefined || value === undefined) return rewriteValue(mounts, argument);
  return name + rewriteValue(mounts, value);
};
