/** The state of a switch, from what its fabric answered. Pure; holders pass through untouched. */
import type { FCSwitch } from '../../api/generated/index.ts';
import { grantOfName } from '../../api/names.ts';
import { withState } from './hardware-state.ts';
import { withHardwareReady } from '../ready.ts';

export type SwitchStatus = NonNullable<FCSwitch['status']>;

/** What a driver reads of a switch. */
export interface FabricSeen {
  readonly logins: readonly { readonly wwpn: string; readonly port: number }[];
  readonly links: readonly { readonly to: string; readonly fromPort: number; readonly up: boolean }[];
  readonly zones: readonly { readonly name: string; readonly members: readonly string[] }[];
}

export type FabricAnswer =
  | { readonly kind: 'read'; readonly fabric: FabricSeen }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string };

export const decideSwitch = (fcSwitch: FCSwitch, answer: FabricAnswer, now: string): SwitchStatus =>
  withHardwareReady(answered(fcSwitch.status ?? {}, answer, now), fcSwitch.metadata.generation, now);

const answered = (before: SwitchStatus, answer: FabricAnswer, now: string): SwitchStatus => {
  if (answer.kind === 'failed') {
    const { reason, message } = answer;
    return withState(before, { state: 'NotUsable', reason, message }, now);
  }
  const held = (before.holders ?? []).length > 0;
  const found = withState(before, { state: held ? 'InUse' : 'Usable', reason: '', message: '' }, now);
  const next: SwitchStatus = { ...found, ...mirrored(answer.fabric, before, now) };
  return before.lastSeen !== undefined && before.state === next.state ? next : { ...next, lastSeen: now };
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** In a fixed order, so that equal fabrics give equal statuses; of the zones, those that are ours. */
const mirrored = (
  { logins, links, zones }: FabricSeen,
  before: SwitchStatus,
  now: string,
): Required<Pick<SwitchStatus, 'logins' | 'links' | 'zones'>> => ({
  logins: [...logins]
    .sort((a, b) => a.port - b.port || compare(a.wwpn, b.wwpn))
    .map(({ wwpn, port }) => {
      const known = before.logins?.find((one) => one.wwpn === wwpn && one.port === port);
      return { wwpn, port, since: known?.since ?? now };
    }),
  links: [...links]
    .sort((a, b) => a.fromPort - b.fromPort || compare(a.to, b.to))
    .map(({ to, fromPort, up }) => ({ to, fromPort, up })),
  zones: zones
    .filter(({ name }) => grantOfName(name) !== undefined)
    .sort((a, b) => compare(a.name, b.name))
    .map(({ name, members }) => ({ name, members: [...members].sort() })),
});
