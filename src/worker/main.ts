import { flushCompileCache } from 'node:module';
import { shareCompiledModules } from './compile-cache.ts';

// Threads that open files ahead (`open-ahead-service.ts`); libuv looks once, when it first needs one.
process.env['UV_THREADPOOL_SIZE'] ??= '8';
// Before anything else is loaded: what is loaded earlier is compiled each time.
shareCompiledModules(process.env);
const { runWorker, usage } = await import('./run.ts');

if (process.argv.includes('--help')) process.stdout.write(usage);
else {
  const exitCode = await runWorker(process.env);
  const { exitNow } = await import('./exit-now.ts');
  flushCompileCache();
  exitNow(exitCode);
}
