/** A switch did not do as it was told with the zone of a route. */
export class ZoneFailure extends Error {
  readonly code = 'ZoneFailed';
  readonly switchName: string;

  constructor(switchName: string, cause: unknown) {
    super(`switch ${switchName}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'ZoneFailure';
    this.switchName = switchName;
  }
}
