/** A route whose zone cannot be made, or be taken away: its switch does not answer. */
import type { Grant } from './grant.ts';
import type { Fault } from '../step.ts';

/** So long a switch may refuse a zone: it may be starting again, or be in another one's session. */
const zoneMs = 60_000;

/** Switches that failed the grant. */
export const failedSwitches = ({ zones = [] }: Grant): readonly string[] =>
  zones.filter(({ ready }) => ready === false).map((zone) => zone.switch);

/** @param down switches that are NotUsable: of them nothing more is expected */
export const routeFault = (grant: Grant, down: ReadonlySet<string>, nowMs: number): Fault | undefined => {
  const failed = failedSwitches(grant);
  if (grant.zoned === true || failed.length === 0) return undefined;
  const isDown = failed.some((name) => down.has(name));
  if (!isDown && !(nowMs - Date.parse(grant.stateSince ?? '') > zoneMs)) return undefined;
  const message = grant.message ?? `switch ${failed.join(', ')} makes no zone`;
  return { reason: 'ZoneFailed', message, domain: 'route', lostBytes: 0 };
};

/** The zone is noted once: a status that changed with every attempt would wake the next one at once. */
export const withFailedZone = (grant: Grant, switchName: string, message: string): Grant => {
  if (failedSwitches(grant).includes(switchName)) return grant;
  const zones = (grant.zones ?? []).map((zone) => (zone.switch === switchName ? { ...zone, ready: false } : zone));
  // What a lost stream was lost for stands.
  const why = grant.reason === undefined || grant.reason === '' ? { reason: 'ZoneFailed', message } : {};
  return { ...grant, zones, ...why };
};
