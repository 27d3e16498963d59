/** The operator's process. Ends with 0 when told to, 1 when it lost its lease or failed, 2 when its configuration is wrong. */
import { pino } from 'pino';
import packageFile from '../../package.json' with { type: 'json' };
import { ConfigError, readConfig, type OperatorConfig } from './config.ts';
import { runOperator } from './wire.ts';

/** Whatever hangs: this long after it was told to end the process is gone. */
const lastResortMs = 9_500;

const configure = (): OperatorConfig => {
  try {
    return readConfig(process.argv.slice(2), process.env, packageFile.version);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
};

const config = configure();
const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    log.info({ signal: name }, 'stopping');
    stop.abort(new Error(`stopped by ${name}`));
    setTimeout(() => process.exit(1), lastResortMs).unref();
  });
}

try {
  const { namespace, metrics, lease } = config;
  log.info({ version: packageFile.version, pid: process.pid, namespace, metrics, lease }, 'operator starts');
  const ended = await runOperator(config, log, packageFile.version, stop.signal);
  log.info({ ended }, 'operator ends');
  process.exit(ended === 'stopped' ? 0 : 1);
} catch (error) {
  log.fatal({ err: error }, 'operator failed');
  process.exit(1);
}
