import { errorCode } from '../devices/error-code.ts';
import { ApiError } from '../kube/api.ts';
import { CliError } from './cli-error.ts';

/**
 * Errors with a code were foreseen, and their message is enough; others are mistakes of ours and show where. Where the
 * user can do something about it, a second line says what.
 *
 * @param server what was asked, if anything was
 */
export const explain = (error: unknown, server: string | undefined): string => {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && !error.message.includes(error.cause.message) ? error.cause : undefined;
  const because = cause === undefined || error instanceof CliError ? '' : `: ${cause.message}`;
  if (errorCode(error) === undefined) return error.stack ?? error.message;
  const hint = hintFor(error, server);
  return `${error.message}${because}${hint === undefined ? '' : `\n${hint}`}`;
};

const whichWay =
  'say how to reach the API server: --kubeconfig FILE or KUBECONFIG=FILE, and --context NAME for one of its contexts';

const hintFor = (error: Error, server: string | undefined): string | undefined => {
  if (errorCode(error) === 'KubeConfig') return whichWay;
  if (!(error instanceof ApiError)) return undefined;
  switch (error.code) {
    case 'Unreachable':
      return `the API server ${server ?? ''} does not answer; is it up, and is it the one you mean? If not, ${whichWay}`;
    case 'Unauthorized':
      return `the API server ${server ?? ''} does not know you; ${whichWay}`;
    case 'Forbidden':
      return 'jobs and restores of a namespace come with its roles view and edit; hardware and records: ask the administrators';
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
    case 'Gone':
    case 'Invalid':
    case 'TooManyRequests':
    case 'ServerError':
      return undefined;
  }
};
