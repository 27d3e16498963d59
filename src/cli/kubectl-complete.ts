#!/usr/bin/env node
/** `kubectl_complete-twinreel`: kubectl runs it to complete `kubectl twinreel`, with the words behind that. */
process.argv.splice(2, 0, '__complete');
await import('./main.ts');
