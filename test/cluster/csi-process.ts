/**
 * The sidecars of a CSI driver on folders, as a process in the network of the API server: with KUBECONFIG,
 * `node csi-process.ts DATA CUTS ORDER`. DATA is for its snapshots and clones. At each cut it copies the volume once more
 * into CUTS, which shows the same unless somebody writes meanwhile, and adds a line to the file ORDER.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { makeRestApi } from '../../src/kube/rest-api.ts';
import { byDriver, copyFolder, CsiStandIn } from '../support/csi-stand-in.ts';

const [, , data = '', cuts = '', order = ''] = process.argv;
const api = makeRestApi({ kubeConfig: await loadKubeConfig(), userAgent: 'csi-stand-in' });
const standIn = new CsiStandIn(api, data, byDriver);
standIn.onCut = (volume) => {
  copyFolder(volume, path.join(cuts, `${path.basename(volume)}-${standIn.cuts}`));
  appendFileSync(order, 'cut\n');
};
await standIn.play(new AbortController().signal);
