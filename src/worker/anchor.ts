/** Keeps the claim of its pod mounted until it is told to end; it looks at nothing. */
const dayMs = 24 * 60 * 60_000;
const timer = setInterval(() => undefined, dayMs);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => clearInterval(timer));
