/** A certificate authority of one control plane, kept in a folder, and the certificates that it signs. */
import 'reflect-metadata'; // @peculiar/x509 refuses to load without it
import * as x509 from '@peculiar/x509';
import { generateKeyPairSync, randomBytes, type webcrypto } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

declare global {
  // @peculiar/x509 speaks of the browser's type names; Node has them under `webcrypto` only.
  type CryptoKey = webcrypto.CryptoKey;
  type CryptoKeyPair = webcrypto.CryptoKeyPair;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

/** Whom a certificate names: Kubernetes reads the common name as the user, the organizations as the groups. */
export interface Subject {
  readonly user: string;
  readonly groups?: readonly string[];
  /** IP addresses that the certificate is good for besides 127.0.0.1. */
  readonly addresses?: readonly string[];
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateAuthority extends CertificateFiles {
  /** Signs a certificate for both ends of TLS on this machine and writes NAME.crt and NAME.key beside the authority's. */
  issue(name: string, subject: Subject): Promise<CertificateFiles>;
}

/**
 * Opens the authority NAME in `folder`, making it on first use. A later start finds the same one, so that clients'
 * files stay valid.
 */
export async function openCertificateAuthority(folder: string, name: string): Promise<CertificateAuthority> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = filesOf(folder, name);
  const { certificate, key } = readAuthority(files) ?? (await createAuthority(files, name));
  const signingKey = await importKey(key);
  const issuer = new x509.X509Certificate(certificate);
  return {
    ...files,
    async issue(leafName, subject) {
      const leafFiles = filesOf(folder, leafName);
      const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const leaf = await x509.X509CertificateGenerator.create({
        serialNumber: randomBytes(16).toString('hex'),
        issuer: issuer.subjectName,
        subject: distinguishedName(subject),
        notBefore: new Date(Date.now() - dayMs),
        notAfter: new Date(Date.now() + 365 * dayMs),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          new x509.SubjectAlternativeNameExtension(namesOf(subject)),
        ],
      });
      await write(leafFiles, leaf, keys.privateKey);
      return leafFiles;
    },
  };
}

/** The key pair that signs service account tokens; made on first use. */
export function openServiceAccountKeys(folder: string): { readonly publicFile: string; readonly privateFile: string } {
  const publicFile = path.join(folder, 'service-accounts.pub');
  const privateFile = path.join(folder, 'service-accounts.key');
  if (readIfPresent(publicFile) === undefined || readIfPresent(privateFile) === undefined) {
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(privateFile, pair.privateKey, { mode: 0o600 });
    writeFileSync(publicFile, pair.publicKey);
  }
  return { publicFile, privateFile };
}

const localNames: x509.JsonGeneralNames = [
  { type: 'ip', value: '127.0.0.1' },
  { type: 'dns', value: 'localhost' },
  { type: 'dns', value: 'kubernetes' },
  { type: 'dns', value: 'kubernetes.default' },
  { type: 'dns', value: 'kubernetes.default.svc' },
];

function namesOf(subject: Subject): x509.JsonGeneralNames {
  return [...localNames, ...(subject.addresses ?? []).map((value) => ({ type: 'ip' as const, value }))];
}

function filesOf(folder: string, name: string): CertificateFiles {
  return { certFile: path.join(folder, `${name}.crt`), keyFile: path.join(folder, `${name}.key`) };
}

function distinguishedName(subject: Subject): x509.JsonName {
  return [{ CN: [subject.user] }, ...(subject.groups ?? []).map((group) => ({ O: [group] }))];
}

interface Authority {
  readonly certificate: string;
  readonly key: string;
}

function readAuthority(files: CertificateFiles): Authority | undefined {
  const certificate = readIfPresent(files.certFile);
  const key = readIfPresent(files.keyFile);
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

async function createAuthority(files: CertificateFiles, name: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex'),
    name: [{ CN: [`twinreel-${name}`] }],
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + 3650 * dayMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
  const key = await write(files, certificate, keys.privateKey);
  return { certificate: certificate.toString('pem'), key };
}

async function write(files: CertificateFiles, certificate: x509.X509Certificate, key: CryptoKey): Promise<string> {
  const keyText = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
  writeFileSync(files.keyFile, keyText, { mode: 0o600 });
  writeFileSync(files.certFile, certificate.toString('pem'));
  return keyText;
}

async function importKey(text: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(text), algorithm, false, ['sign']);
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
