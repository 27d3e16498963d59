/**
 * The node's part of a CSI driver on folders, within the namespaces of a node: `node csi-node.ts NODE`. It tells the kubelet
 * of itself, which then has it mount what volumes of the driver name (CSI specification, Node service; Kubernetes' plugin
 * registration v1).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { driver } from '../support/csi-stand-in.ts';
import { type Message, serveGrpc } from '../support/grpc-server.ts';

const [, , node = ''] = process.argv;
const plugin = `/var/lib/kubelet/plugins/${driver}`;
const socket = path.join(plugin, 'csi.sock');
const mount = (...args: readonly string[]): void => void execFileSync('mount', args, { stdio: 'pipe' });

const publish = ({ 1: folder, 4: target, 6: readOnly }: Message): Message => {
  if (typeof folder !== 'string' || typeof target !== 'string')
    throw new TypeError('volume_id and target_path are needed');
  mkdirSync(target, { recursive: true });
  mount('--bind', folder, target);
  if (readOnly === true) mount('-o', 'remount,bind,ro', target);
  return {};
};

const unpublish = ({ 2: target }: Message): Message => {
  if (typeof target !== 'string') throw new TypeError('target_path is needed');
  // It asks again, whenever it did not hear that this was done.
  if (!existsSync(target)) return {};
  execFileSync('sh', ['-c', '! mountpoint -q "$1" || umount "$1"', 'sh', target], { stdio: 'pipe' });
  rmdirSync(target);
  return {};
};

mkdirSync(plugin, { recursive: true });
await serveGrpc(socket, {
  '/csi.v1.Identity/GetPluginInfo': () => ({ 1: driver, 2: '1' }),
  '/csi.v1.Node/NodeGetInfo': () => ({ 1: node }),
  '/csi.v1.Node/NodeGetCapabilities': () => ({}),
  '/csi.v1.Node/NodePublishVolume': publish,
  '/csi.v1.Node/NodeUnpublishVolume': unpublish,
});
await serveGrpc(`/var/lib/kubelet/plugins_registry/${driver}-reg.sock`, {
  '/pluginregistration.Registration/GetInfo': () => ({ 1: 'CSIPlugin', 2: driver, 3: socket, 4: '1.0.0' }),
  '/pluginregistration.Registration/NotifyRegistrationStatus': ({ 1: registered, 2: error }) => {
    if (registered !== true) throw new Error(`the kubelet did not take the driver: ${String(error)}`);
    console.log(`${node} has the driver`);
    return {};
  },
});
