/** Twice what `open-ahead-service.ts` uses: a source that hangs keeps those, and the token has to be read all the same. */
const threads = 16;

/** Before anything else is loaded: libuv looks once, when it first needs a thread. */
export const widenThreadPool = (env: NodeJS.ProcessEnv): void => {
  env['UV_THREADPOOL_SIZE'] = String(threads);
};
