import { flushCompileCache } from 'node:module';
import { shareCompiledModules } from './compile-cache.ts';
import { widenThreadPool } from './thread-pool.ts';

widenThreadPool(process.env);
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
