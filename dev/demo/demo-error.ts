/** Something did not become what it should. */
export class DemoError extends Error {
  readonly code = 'DEMO_FAILED';
}
