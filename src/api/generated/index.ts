// Generated from crds/ by `npm run generate`. Do not edit.
export type * from './backup-job.ts';
export type * from './backup-save-record.ts';
export type * from './backup-schedule.ts';
export type * from './backup-server.ts';
export type * from './copy-device.ts';
export type * from './fc-switch.ts';
export type * from './media-pool.ts';
export type * from './restore.ts';
export type * from './save-page.ts';
export type * from './tape-library.ts';
export type * from './tape.ts';
export type * from './shared.ts';
