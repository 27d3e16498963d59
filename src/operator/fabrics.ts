/** Opens the driver that a switch names. */
import type { FCSwitch } from '../api/generated/index.ts';
import type { Deps } from '../controllers/deps.ts';
import { FabricError, type Fabric } from '../devices/fabric/fabric.ts';
import { SimulatedSwitch } from '../devices/fabric/simulated-switch.ts';

/** @param simulatedFolder of all simulated fabrics */
export const makeFabricOf =
  (simulatedFolder: string): Deps['fabricOf'] =>
  (fcSwitch) =>
    new Promise((resolve) => resolve(open(fcSwitch, simulatedFolder)));

const open = ({ metadata, spec }: FCSwitch, folder: string): Fabric => {
  switch (spec.driver) {
    case 'simulated':
      return new SimulatedSwitch({
        folder,
        fabric: spec.fabric,
        name: metadata.name,
        ports: spec.ports ?? [],
        links: (spec.links ?? []).map(({ to, fromPort }) => ({ to, fromPort })),
      });
    case 'brocade':
    case 'cisco':
    case 'redfish':
      throw new FabricError('Unreachable', `this version has no driver ${spec.driver}`, { retryable: false });
  }
};
