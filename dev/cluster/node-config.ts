/** The configuration files of a node's containerd, kubelet, kube-proxy and pod network. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { type NodeLayout, pauseImage, podRange } from './layout.ts';

export const containerdSocket = '/run/containerd/containerd.sock';

export interface NodeFiles {
  readonly containerd: string;
  readonly kubelet: string;
  readonly kubeProxy: string;
  readonly kubeletKubeconfig: string;
  readonly kubeProxyKubeconfig: string;
  readonly networkPoliciesKubeconfig: string;
}

export function writeNodeFiles(node: NodeLayout, caFile: string): NodeFiles {
  const at = (name: string): string => path.join(node.folder, 'etc', name);
  const files: NodeFiles = {
    containerd: at('containerd.toml'),
    kubelet: at('kubelet.yaml'),
    kubeProxy: at('kube-proxy.yaml'),
    kubeletKubeconfig: at('kubelet.kubeconfig'),
    kubeProxyKubeconfig: at('kube-proxy.kubeconfig'),
    networkPoliciesKubeconfig: at('network-policies.kubeconfig'),
  };
  mkdirSync(at('cni'), { recursive: true });
  writeFileSync(at('resolv.conf'), '');
  writeFileSync(at('cni/10-pods.conflist'), JSON.stringify(podNetwork(node)));
  writeFileSync(files.containerd, containerd(node, at('cni')));
  writeFileSync(files.kubelet, stringify(kubelet(node, caFile, at('resolv.conf'))));
  writeFileSync(files.kubeProxy, stringify(kubeProxy(node, files.kubeProxyKubeconfig)));
  return files;
}

function podNetwork(node: NodeLayout): object {
  // A route per pod, not one bridge for all: replies must pass the conntrack that translated a ClusterIP.
  const ipam = {
    type: 'host-local',
    dataDir: '/var/lib/cni/addresses',
    ranges: [[{ subnet: node.podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  return { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
}

function containerd(node: NodeLayout, cniFolder: string): string {
  const runtime = 'plugins."io.containerd.cri.v1.runtime"';
  return [
    'version = 3',
    `root = "${path.join(node.folder, 'containerd')}"`,
    'state = "/run/containerd"',
    'disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]',
    '[grpc]',
    `address = "${containerdSocket}"`,
    '[plugins."io.containerd.cri.v1.images".pinned_images]',
    `sandbox = "${pauseImage}"`,
    `[${runtime}]`,
    // Without CAP_SYS_RESOURCE no score may be lowered, and every sandbox would fail.
    'restrict_oom_score_adj = true',
    `[${runtime}.cni]`,
    'bin_dirs = ["/usr/lib/cni"]',
    `conf_dir = "${cniFolder}"`,
    `[${runtime}.containerd]`,
    'default_runtime_name = "runc"',
    `[${runtime}.containerd.runtimes.runc]`,
    'runtime_type = "io.containerd.runc.v2"',
    `[${runtime}.containerd.runtimes.runc.options]`,
    'SystemdCgroup = false',
    '',
  ].join('\n');
}

function kubelet(node: NodeLayout, caFile: string, resolvConf: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: caFile } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${node.cgroup}`,
    enforceNodeAllocatable: [],
    makeIPTablesUtilChains: false,
    resolvConf,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    evictionHard: Object.fromEntries(
      ['memory.available', 'nodefs.available', 'nodefs.inodesFree', 'imagefs.available', 'imagefs.inodesFree'].map(
        (name) => [name, '0%'],
      ),
    ),
    imageGCHighThresholdPercent: 100,
    // A node that is lost must be known as lost within seconds, not minutes.
    nodeStatusUpdateFrequency: '2s',
    nodeLeaseDurationSeconds: 8,
  };
}

function kubeProxy(node: NodeLayout, kubeconfig: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clusterCIDR: podRange,
    detectLocalMode: 'ClusterCIDR',
    hostnameOverride: node.name,
    bindAddress: node.address,
    conntrack: { maxPerCore: 0 },
    clientConnection: { kubeconfig },
  };
}
