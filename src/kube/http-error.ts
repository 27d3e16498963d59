import { ApiError, type ApiErrorCode } from './api.ts';
import { isRecord } from './json-equal.ts';

/** What was asked, for messages and for judging what a lost answer means. */
export interface Asked {
  readonly method: string;
  readonly path: string;
}

const isWrite = (method: string): boolean => method !== 'GET';

/** An answer with a status of 400 or more. `body` is a Kubernetes `Status` or, from a proxy, any text. */
export const errorOfAnswer = (asked: Asked, status: number, body: string, retryAfter?: string): ApiError => {
  const { reason, message, retryAfterSeconds } = readStatus(body);
  const code = codeOf(status, reason);
  const seconds = retryAfterSeconds ?? secondsOf(retryAfter);
  return new ApiError({
    code,
    status,
    message: `${asked.method} ${asked.path}: ${message ?? `HTTP ${status}`}`,
    retryable: code === 'TooManyRequests' || code === 'ServerError' || code === 'Conflict',
    // A 5xx can come from a server or proxy that lost track of a write already handed to etcd.
    outcomeUnknown: code === 'ServerError' && isWrite(asked.method),
    ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }),
  });
};

/** No (whole) answer. `sent` says whether the request may have reached the server. */
export const errorOfSilence = (asked: Asked, cause: unknown, sent: boolean): ApiError =>
  new ApiError({
    code: 'Unreachable',
    message: `${asked.method} ${asked.path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    retryable: true,
    outcomeUnknown: sent && isWrite(asked.method),
    cause,
  });

const codeOf = (status: number, reason: string | undefined): ApiErrorCode => {
  switch (status) {
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 412:
      return 'Conflict';
    case 410:
      return 'Gone';
    case 429:
      return 'TooManyRequests';
    default:
      return status >= 500 || status === 408 ? 'ServerError' : 'Invalid';
  }
};

interface StatusBody {
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfterSeconds?: number;
}

const readStatus = (body: string): StatusBody => {
  const status = parseJson(body);
  if (!isRecord(status) || status['kind'] !== 'Status') {
    const text = body.trim().slice(0, 300);
    return text === '' ? {} : { message: text };
  }
  const { reason, message, details } = status;
  const seconds = isRecord(details) ? details['retryAfterSeconds'] : undefined;
  return {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof message === 'string' && message !== '' ? { message } : {}),
    ...(typeof seconds === 'number' && seconds > 0 ? { retryAfterSeconds: seconds } : {}),
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** `Retry-After` in seconds; its other form, a date, is not used by API servers. */
const secondsOf = (retryAfter: string | undefined): number | undefined => {
  const seconds = Number(retryAfter);
  return retryAfter !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
};
