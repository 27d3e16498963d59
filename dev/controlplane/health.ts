import { readFileSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

/** @returns whether the address answers 200 within two seconds; a refused connection is an answer too: no */
export async function answersOk(url: string, caFile: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const ask = (url.startsWith('https:') ? requestTls : requestPlain)(
      url,
      // The controllers serve a self-signed certificate of their own making; on loopback only health is asked of them.
      {
        timeout: 2000,
        agent: false,
        ...(caFile === undefined ? { rejectUnauthorized: false } : { ca: readFileSync(caFile) }),
      },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    ask.once('timeout', () => ask.destroy());
    ask.once('error', () => resolve(false));
    ask.end();
  });
}
