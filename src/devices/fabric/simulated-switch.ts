import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readFileIfThere, replaceFile } from '../atomic-file.ts';
import { lockFile } from '../file-lock.ts';
import { FabricError, type Fabric, type FabricState, type FabricZone } from './fabric.ts';
import { downPorts, meetSimulatedFault, type FabricCall, type SimulatedFault } from './simulated-faults.ts';

export interface SimulatedSwitchOptions {
  /** Of all simulated fabrics; made where it does not exist. */
  readonly folder: string;
  /** Switches of one fabric share their zoning. */
  readonly fabric: string;
  readonly name: string;
  readonly ports: readonly { readonly index: number; readonly wwpn?: string }[];
  readonly links: readonly { readonly to: string; readonly fromPort: number }[];
  /** How long a call waits for another one; default 10 s. */
  readonly patienceMs?: number;
}

const namePattern = /^[A-Za-z0-9_]{1,64}$/;
const wwpnPattern = /^([0-9a-f]{2}:){7}[0-9a-f]{2}$/;
const defaultPatienceMs = 10_000;

/**
 * A switch that exists only as files: `<folder>/<fabric>.zones.json` (replaced whole), `.lock`, and for faults on
 * demand `.faults.yaml` and `.faults.fired.json`. It outlives every process, so that zones left behind by a crash can
 * be seen. Everything plugged into a port is logged in.
 */
export class SimulatedSwitch implements Fabric {
  readonly #options: SimulatedSwitchOptions;
  readonly #path: string;

  constructor(options: SimulatedSwitchOptions) {
    this.#options = options;
    this.#path = join(options.folder, options.fabric);
  }

  async read(signal: AbortSignal): Promise<FabricState> {
    return this.#session('read', signal, () => {
      const { ports, links, name } = this.#options;
      const down = downPorts(this.#path, name);
      return {
        logins: ports.flatMap(({ index, wwpn }) =>
          wwpn === undefined || down.has(index) ? [] : [{ wwpn, port: index }],
        ),
        links: links.map(({ to, fromPort }) => ({ to, fromPort, up: !down.has(fromPort) })),
        zones: this.#readZones(),
      };
    });
  }

  async ensureZone(zone: FabricZone, signal: AbortSignal): Promise<void> {
    const wanted = checkZone(zone);
    await this.#session('write', signal, (fault) => {
      const zones = this.#readZones();
      if (zones.some((each) => isSame(each, wanted))) return;
      this.#writeZones([...zones.filter((each) => each.name !== wanted.name), wanted], fault);
      if (!this.#readZones().some((each) => isSame(each, wanted))) throw this.#notAsWritten(wanted.name);
    });
  }

  async removeZone(name: string, signal: AbortSignal): Promise<void> {
    await this.#session('write', signal, (fault) => {
      const zones = this.#readZones();
      if (!zones.some((each) => each.name === name)) return;
      this.#writeZones(
        zones.filter((each) => each.name !== name),
        fault,
      );
      if (this.#readZones().some((each) => each.name === name)) throw this.#notAsWritten(name);
    });
  }

  /** One call at a time per fabric, whatever process it comes from. */
  async #session<T>(call: FabricCall, signal: AbortSignal, act: (fault: SimulatedFault | undefined) => T): Promise<T> {
    mkdirSync(this.#options.folder, { recursive: true });
    const lock = await lockFile(`${this.#path}.lock`, this.#options.patienceMs ?? defaultPatienceMs, signal);
    if (lock === undefined) throw this.#locked();
    try {
      const fault = meetSimulatedFault(this.#path, call, this.#options.name);
      if (fault?.kind === 'locked') throw this.#locked();
      if (fault?.kind === 'unreachable')
        throw new FabricError('Unreachable', `${this.#options.name} does not answer`, { retryable: true });
      return act(fault);
    } finally {
      lock.release();
    }
  }

  #readZones(): readonly FabricZone[] {
    const text = readFileIfThere(`${this.#path}.zones.json`);
    const zones: unknown = text === undefined ? [] : JSON.parse(text);
    if (Array.isArray(zones) && zones.every(isZone)) return zones;
    throw new FabricError('BadAnswer', `${this.#path}.zones.json holds no zones`, { retryable: false });
  }

  #writeZones(zones: readonly FabricZone[], fault: SimulatedFault | undefined): void {
    const unknown = fault?.kind === 'outcomeUnknown';
    if (fault?.kind !== 'writeLost' && !(unknown && fault.applied === false)) {
      const sorted = zones.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      replaceFile(`${this.#path}.zones.json`, `${JSON.stringify(sorted, undefined, 2)}\n`, true);
    }
    if (unknown)
      throw new FabricError('Unreachable', `${this.#options.name} did not answer in time`, {
        retryable: true,
        outcomeUnknown: true,
      });
  }

  #locked(): FabricError {
    const message = `somebody else changes the zoning of ${this.#options.fabric}`;
    return new FabricError('Locked', message, { retryable: true });
  }

  #notAsWritten(zone: string): FabricError {
    const message = `${this.#options.name} took the change of zone ${zone}, but does not show it`;
    return new FabricError('NotAsWritten', message, { retryable: true });
  }
}

/** With members in lower case and in order. */
function checkZone({ name, members }: FabricZone): FabricZone {
  const sorted = [...new Set(members.map((member) => member.toLowerCase()))].toSorted();
  const bad = [...(namePattern.test(name) ? [] : [name]), ...sorted.filter((member) => !wwpnPattern.test(member))];
  if (bad.length > 0)
    throw new FabricError('BadName', `zone ${name}: ${bad.join(', ')} cannot be used`, { retryable: false });
  return { name, members: sorted };
}

const isSame = (a: FabricZone, b: FabricZone): boolean => a.name === b.name && a.members.join() === b.members.join();

const isZone = (value: unknown): value is FabricZone =>
  typeof value === 'object' && value !== null && 'name' in value && 'members' in value && Array.isArray(value.members);
